"""What readelf tells of a program's hardening."""

import re
import subprocess


class Program:
    def __init__(self, path):
        self.path = path
        self.header = self._readelf("-h")
        self.segments = self._readelf("-l")
        self.dynamic = self._readelf("-d")
        self.imports = set(re.findall(r" (\w+)(?:@\S+)?(?: \(\d+\))?$", self._readelf("--dyn-syms"), flags=re.M))

    def _readelf(self, option):
        return subprocess.run(["readelf", "-W", option, str(self.path)], capture_output=True, text=True, check=True).stdout

    @property
    def is_instrumented(self):
        """Sanitizers and coverage bring their own run time; the C library's checked functions are not called then."""
        symbols = self._readelf("-s")
        return any(name in symbols for name in ("__asan_init", "__tsan_init", "__ubsan_handle", "__gcov_"))

    def segment_flags(self, name):
        """RWE of a segment, blanks left out; None without such a segment."""
        found = re.search(rf"^\s+{name}\s+(?:0x\w+\s+){{5}}([RWE ]{{3}})", self.segments, flags=re.M)
        return found and found[1].replace(" ", "")

    @property
    def writable_and_executable(self):
        return [line.split()[0] for line in self.segments.splitlines() if re.search(r"^\s+[A-Z_]+\s+(0x\w+\s+){5}RWE", line)]


def problems_of(path):
    """Sentences; none for a program that is hardened as cmake/Flags.cmake wants it."""
    program = Program(path)
    wanted = {
        "position-independent": "DYN (" in program.header and re.search(r"Flags:.*\bPIE\b", program.dynamic),
        "relocations read-only": program.segment_flags("GNU_RELRO") == "R",
        "all symbols bound at the start": re.search(r"Flags:.*\bNOW\b", program.dynamic),
        "no executable stack": program.segment_flags("GNU_STACK") == "RW",
        "nothing writable and executable": not program.writable_and_executable,
        "no library path of its own": not re.search(r"\((RPATH|RUNPATH|TEXTREL)\)", program.dynamic),
        "stack canaries": "__stack_chk_fail" in program.imports,
        "checked calls of the C library": program.is_instrumented
        or {"__memcpy_chk", "__snprintf_chk", "__vsnprintf_chk"} & program.imports,
    }
    return [f"{path}: missing: {what}" for what, there in wanted.items() if not there]


def control_flow_notes(path):
    """{"IBT", "SHSTK"}, or a part of it, of an object or a program."""
    notes = subprocess.run(["readelf", "-nW", str(path)], capture_output=True, text=True, check=True).stdout
    found = re.search(r"x86 feature: (.*)", notes)
    return set(re.findall(r"IBT|SHSTK", found[1])) if found else set()
