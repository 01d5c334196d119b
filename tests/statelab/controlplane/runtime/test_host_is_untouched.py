"""Nothing in a Pod reads a host file, opens a host socket or starts a host process: proved by Python's audit events."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import random, sys
from statelab.controlplane.clock import Loop
from statelab.controlplane.runtime import ContainerSpec, Mount, Network, Runtime, Volume
import fakeredis, dns.rdtypes.ANY, mimetypes, encodings.idna, encodings.latin_1
from statelab.controlplane.runtime.images import redis_server
mimetypes.init()

loop = Loop()
network = Network(loop)
runtime = Runtime(loop, network, random.Random(0))
volume = Volume("v")

def run(image, command, ip):
    spec = ContainerSpec("default", "p", "u", "c", image, command, hostname="p", pod_ip=ip,
    mounts=[Mount("/data", volume)])
    container = runtime.create(spec)
    container.start(lambda ended: None)
    loop.run_for(3)
    return container

def use(container, *argv):
    codes, said = [], bytearray()
    container.exec(list(argv), on_output=lambda stream, data: said.extend(data), on_exit=codes.append)
    loop.run_until(lambda: bool(codes), timeout_s=500)
    return bytes(said)

everything = [
    ("busybox", ["sleep", "1d"], "10.244.1.1"), ("nginx", None, "10.244.1.2"), ("httpd", None, "10.244.1.3"),
    ("redis:7", None, "10.244.1.4"), ("agnhost", ["/agnhost", "netexec"], "10.244.1.5"), ("acme/other", None,
    "10.244.1.6"),
]
for each in everything:  # once before listening: what is imported on first use is not the container's doing
    script = "redis-cli -h 10.244.1.4 set a b; curl 10.244.1.2; nslookup x; date; tail /etc/hosts"
    use(run(*each), "sh", "-c", script)
    use(run(*each), "sh", "-c", script + "; type date")  # in the other shell, which has a thread
    network.detach(each[2])

events = []
BAD = ("open", "socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.listdir", "os.remove",
       "os.rename", "os.mkdir", "os.symlink", "os.link", "os.chmod", "os.kill", "shutil.", "ctypes.")
listening = False
def audit(name, arguments):
    if listening and name.startswith(BAD):
        events.append((name, str(arguments)[:200]))
sys.addaudithook(audit)
listening = True
scripts = [
    "cat /etc/passwd /etc/shadow /proc/self/environ; ls -R /; find / -name '*'; cp -r /etc /data; "
    "tar cf /data/t /etc; tar xf /data/t",
    "exec 3<>/dev/tcp/127.0.0.1/22; cat </dev/udp/127.0.0.1/53; "
    "curl http://127.0.0.1:22 http://localhost file:///etc/passwd",
    "wget http://example.com; nc -z example.com 80; nc -l -p 1234 & dig example.com @8.8.8.8; "
    "ping -c 1 8.8.8.8; host x; getent hosts x",
    "python3 -c 'import os; os.system(1)'; perl -e 1; sh -c 'exec /bin/ls'; /bin/ls; /usr/bin/env; "
    "xargs ls < /etc/passwd; time ls",
    "kill -9 1; kill -9 -1; kill -9 $$; killall python; pkill sh; ps; reboot; . /etc/profile; source ~/.bashrc",
    "redis-cli -h 10.244.1.4 set x y; redis-cli -h 10.244.1.4 config set dir /etc; redis-cli -h 10.244.1.4 bgsave",
    "curl -o /etc/out http://10.244.1.2/; curl -T /etc/passwd http://10.244.1.3; "
    "curl -d @/etc/passwd http://10.244.1.5:8080/echo",
    "curl 'http://10.244.1.2/../../../../etc/passwd' 'http://10.244.1.2/%2e%2e/%2e%2e/etc/shadow'; "
    "curl 10.244.1.5:8080/shell?cmd=id",
    "mkfifo /tmp/p; ln -s / /tmp/root; cat /tmp/root/etc/hostname; tail -n1 /tmp/root/etc/passwd; "
    "date -d @0; date -f /etc/passwd",
    "sleep 0.1; timeout 1 sleep 2; hostname evil; mount -t proc p /mnt; df; id; uptime; ip a; mktemp; "
    "wc -c /data/*; sha256sum /bin/*",
]
print("listening")
for image, command, ip in everything:
    container = run(image, command, ip)
    for script in scripts:
        use(container, "sh", "-c", script)
        use(container, "sh", "-x", "-c", script)
    container.signal("TERM"); loop.run_for(40); container.signal("KILL"); loop.run_for(1)
    network.detach(ip)
volume.changes()
listening = False
for event in events:
    print("TOUCHED", *event)
print("done", len(events))
"""


def test_nothing_in_a_container_touches_the_host(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=100, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "listening" in done.stdout
    assert "TOUCHED" not in done.stdout, done.stdout
    assert done.stdout.endswith("done 0\n")
    assert list(tmp_path.iterdir()) == []
