/**
 * A Python program that uses up what its argument says, writes what it has met to a file of the workspace, and lets go when the file `stop` is there: with no
 * process left, nothing else can be run in its container.
 */
export const USE_UP = `
import ctypes, os, signal, sys, time
what = sys.argv[1]
children = []
def say(text):
    with open("/workspace/" + what + ".new", "w") as file: file.write(text)
    os.rename("/workspace/" + what + ".new", "/workspace/" + what + ".full")
def fork(work):
    child = os.fork()
    if child == 0:
        try: work()
        finally: os._exit(0)
    children.append(child)
def forever():
    while True: time.sleep(1000)
def spin():
    while True: pass
def eat():
    held = []
    while True: held.append(bytearray(16 << 20))
def fill(path):
    with open(path, "wb") as file:
        try:
            while True: file.write(b"x" * (1 << 20)); file.flush()
        except OSError as error: return error.strerror
if what == "memory":
    ended = []
    for _ in range(3):
        fork(eat)
        ended.append(os.WTERMSIG(os.waitpid(children.pop(), 0)[1]))
    say(str(ended))
elif what == "processors":
    for _ in range(8 * os.cpu_count()): fork(spin)
    say("spinning")
elif what == "processes":
    try:
        while True: fork(forever)
    except OSError as error: say(error.strerror)
elif what == "tmp":
    say(fill("/tmp/big"))
elif what == "disk":
    say(fill("/workspace/big"))
elif what == "inotify":
    libc = ctypes.CDLL(None, use_errno=True)
    count = 0
    while count < 2000 and libc.inotify_init() >= 0: count += 1
    say(os.strerror(ctypes.get_errno()))
while not os.path.exists("/workspace/stop"): time.sleep(0.1)
for child in children: os.kill(child, signal.SIGKILL)
for child in children: os.waitpid(child, 0)
for path in ("/tmp/big", "/workspace/big"):
    if os.path.exists(path): os.unlink(path)
`;
