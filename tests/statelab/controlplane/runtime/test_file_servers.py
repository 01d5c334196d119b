"""busybox's httpd and Python's http.server hand out the folder they are told to; the unprivileged nginx has 8080."""

import pytest


@pytest.mark.parametrize(
    ("image", "command", "port"),
    [
        ("busybox:1.36", ["sh", "-c", "echo hello > /srv/page; exec httpd -f -p 80 -h /srv"], 80),
        ("busybox:1.36", ["sh", "-c", "echo hello > /srv/page; httpd -p8080 -h /srv; sleep 1000"], 8080),
        ("python:3.13-alpine", ["sh", "-c", "cd /srv; echo hello > page; exec python -m http.server 80"], 80),
        ("python:3.13", ["sh", "-c", "echo hello > /srv/page; python3 -u -m http.server -d /srv"], 8000),
        (
            "nginxinc/nginx-unprivileged:1.27",
            ["sh", "-c", "echo hello > /usr/share/nginx/html/page; exec nginx -g 'daemon off;'"],
            8080,
        ),
    ],
)
def test_a_small_web_server_hands_out_its_folder(node, image, command, port):
    container = node.run(image, ["sh", "-c", "mkdir -p /srv; " + command[-1]])
    node.loop.run_for(2)
    assert node.exec(container, "wget", "-qO-", f"http://127.0.0.1:{port}/page").stdout == "hello\n"
    assert "404" in node.exec(container, "wget", "-qO-", f"http://127.0.0.1:{port}/nothing").stderr


def test_httpd_without_f_leaves_its_container_with_nothing_to_do(node):
    container = node.run("busybox:1.36", ["httpd"])
    node.loop.run_for(2)
    assert container.exit.code == 0


def test_httpd_says_that_it_has_no_such_folder(node):
    container = node.run("busybox:1.36", ["httpd", "-f", "-h", "/nowhere"])
    node.loop.run_for(2)
    assert container.exit.code == 1


def test_other_python_is_still_taken_to_have_been_done(node):
    container = node.run("python:3.13", ["python", "app.py"])
    node.loop.run_for(2)
    assert container.exit.code == 0
