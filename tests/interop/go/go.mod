module vsocd.example/interop

go 1.27
