"""Real gpsd and chronyd on loopback, over a GPS receiver and a time server that say what a test wants.

The receiver is a pseudo-terminal that speaks NMEA 0183 (gpsfake replays a file written beforehand, which cannot say
the time it is now); the server answers NTP (RFC 5905). Neither daemon touches the system clock.
"""

import os
import pty
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
import tty
from datetime import UTC, datetime
from pathlib import Path

PATH = f"{os.environ['PATH']}:/usr/sbin"
NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
STARTS_WITHIN = 30.0


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Daemon:
    """A real daemon in the foreground."""

    process = None

    def run(self, *command):
        program = shutil.which(command[0], path=PATH)
        assert program, f"{command[0]} is not installed: make system"
        self.process = subprocess.Popen(
            [program, *command[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"PATH": PATH}
        )

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def hang(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)


class Gpsd(Daemon):
    """gpsd over a receiver whose clock errs by ``lie`` seconds, and which may fall silent."""

    def __init__(self):
        self.lie = 0.0
        self.silent = False
        self.port = free_port()
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self._slave = slave
        self._device = os.ttyname(slave)
        Path(self._device).chmod(0o666)  # gpsd leaves root behind
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._speak, daemon=True)
        self._thread.start()

    def start(self):
        self.run("gpsd", "-N", "-n", "-b", "-s", "38400", "-S", str(self.port), self._device)
        until = time.monotonic() + STARTS_WITHIN
        while not self._listens():
            assert time.monotonic() < until, "gpsd does not answer"
            time.sleep(0.05)
        return self

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _speak(self):
        while not self._stopping.wait(1 - time.time() % 1):
            if not self.silent:
                fix = datetime.fromtimestamp(round(time.time()) + self.lie, UTC)
                os.write(self._master, _sentences(fix))

    def stop(self):
        self.kill()
        self._stopping.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)


def _sentences(fix):
    clock, date = f"{fix:%H%M%S}.{fix.microsecond // 10_000:02}", f"{fix:%d%m%y}"
    place = "4851.000,N,00221.000,E"
    position = f"GPRMC,{clock},A,{place},000.0,000.0,{date},,,A"
    altitude = f"GPGGA,{clock},{place},1,08,0.9,35.0,M,47.0,M,,"
    return b"".join(_sentence(text.encode("ascii")) for text in (position, altitude))


def _sentence(body):
    checksum = 0
    for byte in body:
        checksum ^= byte
    return b"$%s*%02X\r\n" % (body, checksum)


class NtpServer:
    """A stratum 1 server whose clock errs by ``lie`` seconds. ``leap``: what it announces (1: a second is inserted)."""

    def __init__(self):
        self.lie, self.leap, self.silent = 0.0, 0, False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def _answer(self):
        while True:
            request, asker = self._socket.recvfrom(1024)
            if not request:
                return
            if not self.silent:
                now = _ntp(time.time() + self.lie)
                head = struct.pack("!BBBbII4s", self.leap << 6 | 0x24, 1, request[2], -20, 0, 0, b"GPS")
                self._socket.sendto(head + now + request[40:48] + now + _ntp(time.time() + self.lie), asker)

    def stop(self):
        self._socket.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()


def _ntp(seconds):
    whole = int(seconds)
    return struct.pack("!II", whole + NTP_EPOCH, int((seconds - whole) * 2**32))


class Chronyd(Daemon):
    """chronyd -x: it measures, and controls no clock."""

    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        self.port = free_port(socket.SOCK_DGRAM)
        folder.mkdir(mode=0o750)
        self.socket = folder / "chronyd.sock"
        (folder / "chrony.conf").write_text(
            f"server 127.0.0.1 port {server.port} iburst minpoll -4 maxpoll -4\n"
            f"port 0\ncmdport {self.port}\nbindcmdaddress 127.0.0.1\n"
            f"bindcmdaddress {self.socket}\npidfile {folder}/chronyd.pid\n"
        )

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        (self.folder / "chronyd.pid").unlink(missing_ok=True)
        conf = str(self.folder / "chrony.conf")
        self.run("chronyd", "-x", "-d", "-U", "-u", pwd.getpwuid(os.getuid()).pw_name, "-f", conf)
        return self
