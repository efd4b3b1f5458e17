"""What programs do with files."""
import errno
import os
import pathlib
import shutil
import sys

print(sys.argv, sorted(os.listdir("/in")), sys.stdin.read() == "")
for folder, folders, files in os.walk("/in"):
    folders.sort()
    print(folder, sorted(files))


def tried(action, *arguments):
    try:
        print(action.__name__, arguments, action(*arguments))
    except OSError as error:
        print(action.__name__, arguments, errno.errorcode.get(error.errno), type(error).__name__)


tried(open, "/in/none")
tried(open, "/etc/passwd")
tried(open, "/in/../etc/passwd")
tried(os.listdir, "/in/text.txt")
tried(os.stat, "/in/text.txt/x")
tried(os.mkdir, "/out/a/b")
tried(os.remove, "/out/none")

out = pathlib.Path("/out")
(out / "a" / "b").mkdir(parents=True)
tried(os.mkdir, "/out/a")
with open("/out/a/lines.txt", "w+") as file:
    file.writelines(f"line {n}\n" for n in range(1000))
    file.seek(0)
    print(file.readline(), file.tell(), sum(1 for _ in file))
    file.seek(500)
    file.truncate()
print(os.path.getsize("/out/a/lines.txt"))
with open("/out/a/lines.txt", "ab") as file:
    file.write(b"end")
with open("/out/a/lines.txt", "rb") as file:
    file.seek(-10, os.SEEK_END)
    print(file.read(), file.read())
with open("/out/hole.bin", "wb") as file:
    file.seek(100_000)
    file.write(b"\x01")
print(os.path.getsize("/out/hole.bin"), sum(open("/out/hole.bin", "rb").read()))
shutil.copyfile("/in/text.txt", "/out/a/b/copy.txt")
os.replace("/out/a/b/copy.txt", "/out/a/moved.txt")
tried(os.rmdir, "/out/a")
os.rmdir("/out/a/b")
os.rename("/out/a", "/out/c")
big = bytes(range(256)) * 20_000
pathlib.Path("/out/c/big.bin").write_bytes(big)
print(pathlib.Path("/out/c/big.bin").read_bytes() == big, sorted(p.name for p in out.rglob("*")))
print("to stderr", file=sys.stderr)
sys.exit(5)
