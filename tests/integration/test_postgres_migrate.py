"""`vsocd migrate` as a login that may make roles and is no superuser, in a server without the roles: on every version."""

import psycopg2.errors
import pytest

from harness import Services, query
from test_postgres_sink import VERSIONS, as_role, migrate


@pytest.fixture(scope="module", params=VERSIONS)
def fresh(request, tmp_path_factory):
    started = Services(tmp_path_factory.mktemp(f"roles{request.param}"), postgres_options=(f"--version={request.param}",))
    yield started
    started.stop()


@pytest.fixture
def dba(fresh):
    """DSN of the login for an empty database; no role of vsocd is there, before and after."""
    dsn = fresh.new_database()
    name = dsn.split("dbname=")[1].split()[0]
    query(dsn, f"create role dba login createrole; grant create on database {name} to dba")
    yield as_role(dsn, "dba")
    for role in ("ada", "vsoc_ingest", "vsoc_analyst", "vsoc_identity", "vsoc_auditor", "dba", "vsoc_owner"):
        if query(dsn, f"select 1 from pg_roles where rolname = '{role}'"):
            query(dsn, f"drop owned by {role} cascade")
            query(dsn, f"drop role {role}")


@pytest.mark.parametrize("made_before", [False, True])
def test_login_that_may_make_roles_can_migrate(build, dba, made_before):
    if made_before:
        query(dba, "create role vsoc_owner")
    migrate(build, dba)
    assert query(dba, "select nspowner::regrole::text from pg_namespace where nspname = 'vsoc'") == [("vsoc_owner",)]
    again = migrate(build, dba).stdout
    assert "nothing to do" in again and "CONNECTION LIMIT" not in again
    # Who made the roles is an administrator: that takes the login of analysts no tenant.
    query(dba, "insert into vsoc.analyst_tenants values ('vsoc_analyst', 'a')")
    assert query(dba.replace("user=dba", "user=vsoc_analyst"), "select * from vsoc.my_tenants") == [("a",)]
    query(dba, "create role ada login in role vsoc_analyst")
    assert query(dba.replace("user=dba", "user=vsoc_analyst"), "select * from vsoc.my_tenants") == []


def test_member_that_can_not_become_the_role_shares_no_login(build, dba):
    migrate(build, dba)
    if query(dba, "select current_setting('server_version_num')::integer < 160000")[0][0]:
        with pytest.raises(psycopg2.errors.SyntaxError):  # there is no such member before version 16
            query(dba, "create role ada login; grant vsoc_analyst to ada with set false")
        return
    query(dba, "create role ada login; grant vsoc_analyst to ada with set false")
    query(dba, "insert into vsoc.analyst_tenants values ('vsoc_analyst', 'a'), ('ada', 'b')")
    assert query(dba.replace("user=dba", "user=vsoc_analyst"), "select * from vsoc.my_tenants") == [("a",)]
    assert query(dba.replace("user=dba", "user=ada"), "select * from vsoc.my_tenants") == [("b",)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        query(dba.replace("user=dba", "user=ada"), "set role vsoc_analyst")
