"""What a shell of the sandbox can do by itself, without asking us: the commands of bashkit that images have."""

SHELL_COMMANDS = frozenset(
    (
        "[", ":", "arch", "awk", "base32", "base64", "basename", "bc", "bunzip2", "bzcat", "bzip2", "cat",
        "chmod", "cksum", "clear", "cmp", "column", "comm", "cut", "dd", "df", "diff", "dirname",
        "dos2unix", "du", "echo", "egrep", "env", "envsubst", "expand", "expr", "factor", "false", "fgrep", "file",
        "find", "flock", "fmt", "fold", "free", "gawk", "getconf", "grep", "groups", "gunzip", "gzip", "head",
        "hexdump", "hostid", "iconv", "id", "install", "join", "less", "link", "ln", "locale", "logname",
        "md5sum", "mkdir", "mkfifo", "mktemp", "more", "nice", "nl", "nohup", "numfmt", "od", "openssl", "paste",
        "patch", "pr", "printenv", "printf", "pwd", "readlink", "realpath", "rev", "rm", "rmdir", "sed", "seq",
        "sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum", "shuf", "sort", "split", "stat", "strings",
        "sum", "tac", "tail", "tar", "tee", "test", "timeout", "touch", "tr", "tree", "true", "truncate", "tsort",
        "tty", "uname", "unexpand", "uniq", "unlink", "unzip", "uptime", "users", "uuidgen", "watch", "wc",
        "which", "who", "whoami", "xargs", "xxd", "yes", "zcat", "zip",
    )
)  # fmt: skip

# bashkit's own, which no image has. jq is among them because it cannot be cancelled.
EXTRAS = (
    "assert", "csv", "dotenv", "glob", "http", "jq", "json", "log", "make", "parallel", "retry", "rg", "semver", "sudo",
    "template", "tomlq", "verify", "yq",
)  # fmt: skip
