"""Names of programs that people run in containers and that are not built in: what stands in for each.

A server is taken to run and to listen on its usual port; a client is taken to have done what it was told. Both say so.
"""

from __future__ import annotations

from collections.abc import Mapping

# Program → the port it listens on by default, None where there is no usual one.
SERVERS: Mapping[str, int | None] = {
    "apache2-foreground": 80, "beam.smp": None, "bundle": None, "caddy": 80, "cassandra": 9042, "catalina.sh": 8080,
    "celery": None, "cockroach": 26257, "consul": 8500, "couchdb": 5984, "docker-entrypoint.sh": None, "dotnet":
    8080, "elasticsearch": 9200, "entrypoint.sh": None, "envoy": None, "flask": 5000, "fluent-bit":
    None, "fluentd": None, "go": None, "grafana-server": 3000, "gunicorn": 8000, "haproxy": 80, "influxd": 8086,
    "java": 8080, "kafka-server-start.sh": 9092, "kibana": 5601, "mariadbd": 3306, "memcached": 11211, "minio":
    9000, "mongod": 27017, "mysqld": 3306, "nats-server": 4222, "neo4j": 7474, "node": 3000, "npm": 3000, "php-fpm":
    9000, "postgres": 5432, "prometheus": 9090, "rabbitmq-server": 5672, "rails": 3000, "solr": 8983, "supervisord":
    None, "traefik": 80, "uvicorn": 8000, "vault": 8200, "yarn": 3000, "zkServer.sh": 2181,
}  # fmt: skip

CLIENTS = frozenset(
    (
        "aws", "bundle-exec", "cqlsh", "curator", "gcc", "gcloud", "git", "initdb", "kubectl",
        "liquibase", "mariadb", "mariadb-admin", "mariadb-dump", "mc", "mongo", "mongodump", "mongosh", "mysql",
        "mysqladmin", "mysqldump", "nodetool", "perl", "pg_basebackup", "pg_ctl", "pg_dump", "pg_isready", "php",
        "pip", "psql", "python", "python2", "python3", "rabbitmq-diagnostics", "rabbitmqctl", "ruby", "xtrabackup",
        "zkCli.sh", "zkOk.sh", "zookeeper-ready",
    )
)  # fmt: skip

# The last part of an image's name → the port its usual program listens on.
IMAGES: Mapping[str, int] = {
    "caddy": 80, "cassandra": 9042, "cockroach": 26257, "consul": 8500, "couchdb": 5984, "elasticsearch": 9200,
    "ghost": 2368, "grafana": 3000, "haproxy": 80, "influxdb": 8086, "jenkins": 8080, "kafka": 9092,
    "kibana": 5601, "mariadb": 3306, "memcached": 11211, "minio": 9000, "mongo": 27017, "mongo-express": 8081,
    "mongodb": 27017, "mysql": 3306, "nats": 4222, "neo4j": 7474, "phpmyadmin": 80, "postgres": 5432, "postgresql":
    5432, "prometheus": 9090, "rabbitmq": 5672, "solr": 8983, "tomcat": 8080, "traefik": 80, "vault": 8200,
    "wordpress": 80, "zookeeper": 2181,
}  # fmt: skip
