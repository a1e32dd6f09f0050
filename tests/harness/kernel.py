# SPDX-License-Identifier: Apache-2.0
#
# What the kernel tests share: a private daemon, a varlink client that may also misbehave, and the look around that
# finds what was left behind. Needs root. A case that cannot run says which feature is missing; with
# IRQWATCH_REQUIRE_KERNEL=1 that is a failure. See main().

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

IRQWATCHD = os.environ["IRQWATCHD"]
IRQCTL = os.environ["IRQCTL"]
BURDEN = os.environ["IRQWATCH_BURDEN"]
LONG = os.environ.get("IRQWATCH_LONG") == "1"
MUST_RUN = os.environ.get("IRQWATCH_REQUIRE_KERNEL") == "1"
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
INTERFACE = "io.irqwatch.monitor."
PATIENCE = 30  # seconds: for what must happen; how soon is not the question
FAST = "[irq-delay]\nthreshold=2ms\nheartbeat=1ms\n"


class Missing(Exception):
    """A feature that this machine does not have, by name."""


def require(condition, feature):
    if not condition:
        raise Missing(feature)


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def note(text):
    print(f"# {text}", flush=True)


def wait_for(what, condition, seconds=PATIENCE):
    """The first true value of condition()."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"in {seconds} s there was no {what}")
        time.sleep(0.02)


def run(*command, **options):
    options = {"text": True, "capture_output": True, "timeout": 240, **options}
    return subprocess.run([str(word) for word in command], check=False, **options)


def online_cpus():
    cpus = []
    with open("/sys/devices/system/cpu/online", encoding="ascii") as file:
        for part in file.read().strip().split(","):
            first, _, last = part.partition("-")
            cpus += range(int(first), int(last or first) + 1)
    return cpus


def bpf_objects():
    return {tuple(line.split()[:2]) for line in run(BURDEN, "bpf-objects").stdout.splitlines()}


def bpf_objects_of(pid):
    """The BPF objects that a process holds, from what the kernel says about its file descriptors."""
    kinds = {"prog_id:": "prog", "map_id:": "map", "link_id:": "link"}
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
            for line in file:
                key, _, value = line.partition("\t")
                if key in kinds:
                    found.add((kinds[key], value.strip()))
    return found


def global_state():
    """What outlives a process: mounts, and what is pinned under a name of ours."""
    with open("/proc/self/mounts", encoding="utf-8") as file:
        mounts = {line for line in file if "irqw" in line or line.split()[2] in ("bpf", "tracefs", "debugfs")}
    pinned = set()
    with contextlib.suppress(OSError):
        pinned = {name for name in os.listdir("/sys/fs/bpf") if name.startswith("irq")}
    return mounts, pinned


class Connection:
    """One varlink connection, byte by byte where a test wants it."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, method, parameters=None, **flags):
        message = {"method": method, "parameters": parameters or {}, **flags}
        self.socket.sendall(json.dumps(message).encode() + b"\0")

    def receive(self):
        while b"\0" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.buffer += data
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def is_closed(self):
        """Whether the other side ends the connection, without another answer."""
        try:
            return self.socket.recv(65536) == b""
        except (ConnectionResetError, BrokenPipeError):
            return True
        except TimeoutError:
            return False


class Daemon:
    """irqwatchd in a directory of its own. Leaving the block ends it and looks for what it left."""

    def __init__(self, config="", arguments=(), wrapper=(), environment=None, wait=True):
        self.dir = tempfile.mkdtemp(prefix="irqwatch-kernel-")
        os.chmod(self.dir, 0o755)
        self.config, self.socket, self.log_path = (os.path.join(self.dir, n) for n in ("conf", "socket", "log"))
        self.arguments, self.wrapper = list(arguments), list(wrapper)
        outer = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
        self.environment = {**outer, **(environment or {})}
        self.own_files = {"conf", "log", "state"}
        self.process, self.wait = None, wait
        self.write_config(config)

    def __enter__(self):
        self.before = global_state()
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if self.process and self.process.poll() is None:
                self.stop()
        finally:
            if kind:
                print("--- the daemon's log\n" + self.log()[-4000:] + "---", flush=True)
            self.remove()

    def remove(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def write_config(self, text):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def command(self):
        return [*self.wrapper, IRQWATCHD, "--socket", self.socket, "--config", self.config,
                "--state-dir", os.path.join(self.dir, "state"), *self.arguments]

    def start(self):
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.environment)
        if self.wait:
            self.wait_ready()

    def answers(self):
        check(self.process.poll() is None, f"the daemon ended with {self.process.returncode}: {self.log()}")
        try:
            with Connection(self.socket) as connection:
                connection.send("org.varlink.service.GetInfo")
                return connection.receive() is not None
        except OSError:
            return False

    def wait_ready(self):
        wait_for("answer from the daemon", self.answers)

    def kill(self):
        """As the kernel's out-of-memory killer does."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends it as a service manager does; returns after how many seconds it was gone."""
        held = bpf_objects_of(self.process.pid)
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=PATIENCE)
        seconds = time.monotonic() - started
        check(status == 0, f"the daemon ended with {status}: {self.log()}")
        self.check_nothing_left(held)
        return seconds

    def check_nothing_left(self, held):
        # The kernel frees BPF objects a grace period after their last user.
        wait_for("end of the daemon's BPF objects", lambda: not held & bpf_objects())
        left = set(os.listdir(self.dir)) - self.own_files
        check(not left, f"the daemon left {left} behind")
        check(global_state() == self.before, f"mounts or pinned objects changed: {self.before} {global_state()}")
        check(not self.processes(), f"processes are left: {self.processes()}")

    def processes(self):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
                if self.socket.encode() in file.read() and int(pid) != os.getpid():
                    found.append(int(pid))
        return found

    def irqctl(self, *arguments, wrapper=()):
        return run(*wrapper, IRQCTL, "--socket", self.socket, *arguments)

    def json(self, *arguments):
        """What irqctl prints with --json=short, one object per line."""
        result = self.irqctl(*arguments, "--json=short")
        check(result.returncode == 0, f"irqctl {arguments}: exit {result.returncode}: {result.stderr}")
        return [json.loads(line) for line in result.stdout.splitlines()]

    def call(self, method, parameters=None):
        with Connection(self.socket) as connection:
            connection.send(INTERFACE + method, parameters)
            reply = connection.receive()
        check(reply and "error" not in reply, f"{method}: {reply}")
        return reply["parameters"]

    def status(self):
        return self.call("GetStatus")["status"]

    def collector(self, name):
        return next(c for c in self.status()["collectors"] if c["name"] == name)

    def setting(self, name):
        return next(s["value"] for s in self.status()["settings"] if s["name"] == name)


@contextlib.contextmanager
def background(*command, **options):
    """A process beside the test, ended with it."""
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL, **options}
    process = subprocess.Popen([str(word) for word in command], **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def inject(length="30ms", context="process", count=1, cpu=None, program=IRQCTL, **options):
    """Holds interrupts off with the product's own injector; returns its process, which has ended."""
    command = [program, "selftest", "--inject", length, "--context", context, "--count", str(count)]
    if cpu is not None:
        command += ["--cpu", str(cpu)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    out, error = process.communicate(timeout=PATIENCE + count)
    if "needs 6.14" in error or "needs 5.17" in error:
        raise Missing(error.strip())
    check(process.returncode == 0, f"{' '.join(command)}: {error}")
    process.said = out
    return process


@contextlib.contextmanager
def machine_to_ourselves():
    """CPUs held up or taken offline disturb whoever measures: one kernel test at a time on a machine."""
    fd = os.open("/tmp/irqwatch-kernel-tests.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note("waiting for another kernel test on this machine")
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def main(*cases, takes_turns=False):
    """Runs the cases; exit 0 all passed, 1 one failed, 77 none could run. takes_turns: they ask for the machine
    themselves, each time for a while."""
    if os.geteuid() != 0:
        print("SKIP: root: the kernel tests load BPF programs")
        return 1 if MUST_RUN else 77
    with contextlib.nullcontext() if takes_turns else machine_to_ourselves():
        return run_cases(cases)


def run_cases(cases):
    wanted = sys.argv[1:]
    results = []
    for case in cases:
        name = case.__name__
        if wanted and name not in wanted:
            continue
        started = time.monotonic()
        try:
            case()
            result = "ok"
        except Missing as missing:
            result = "FAIL" if MUST_RUN else "SKIP"
            note(f"{name}: missing: {missing}")
        except Exception:  # one case's failure is not the next one's
            result = "FAIL"
            traceback.print_exc(file=sys.stdout)
        results.append(result)
        print(f"{result} {name} ({time.monotonic() - started:.1f} s)", flush=True)

    if "FAIL" in results or not results:
        return 1
    return 77 if set(results) == {"SKIP"} else 0
