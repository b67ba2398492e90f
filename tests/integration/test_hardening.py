"""The program is linked and compiled as cmake/Flags.cmake promises, in every build."""

import subprocess

from hardening import control_flow_notes, problems_of

FOLDERS = ("core", "parsers", "storage", "server")
NOTHING = "int main(void) { return 0; }\n"


def compiler(build):
    line = next(line for line in (build / "CMakeCache.txt").read_text().splitlines() if line.startswith("CMAKE_C_COMPILER:"))
    return line.partition("=")[2]


def notes_of_a_small(what, build, folder, *options):
    """Control-flow notes of an object or program that has nothing of ours in it."""
    source, made = folder / "small.c", folder / what
    source.write_text(NOTHING)
    done = subprocess.run(
        [compiler(build), "-fcf-protection=full", *options, source, "-o", made], capture_output=True, text=True, check=False
    )
    return control_flow_notes(made) if done.returncode == 0 else set()


def test_program_is_hardened(build):
    assert problems_of(build / "vsocd") == []


def test_every_object_is_made_for_control_flow_enforcement(build, tmp_path):
    """One object without the note, of assembler for example, and the linker takes it from the whole program."""
    wanted = notes_of_a_small("object", build, tmp_path, "-c")
    objects = [path for folder in FOLDERS for path in (build / folder).rglob("*.o")]
    assert len(objects) > 100
    assert [str(path) for path in objects if control_flow_notes(path) < wanted] == []


def test_program_has_the_control_flow_notes_that_the_start_files_of_the_system_allow(build, tmp_path):
    assert control_flow_notes(build / "vsocd") >= notes_of_a_small("program", build, tmp_path)


def test_a_program_without_hardening_is_found_out(build, tmp_path):
    """The checks above can fail."""
    source, made = tmp_path / "soft.c", tmp_path / "soft"
    source.write_text(NOTHING)
    subprocess.run(
        [compiler(build), "-no-pie", "-fno-stack-protector", "-Wl,-z,norelro,-z,lazy,-z,execstack,-rpath,/opt", source, "-o", made],
        check=True, capture_output=True,
    )
    found = " ".join(problems_of(made))
    for what in ("position", "relocations", "bound", "executable stack", "library path", "canaries", "checked calls"):
        assert what in found
