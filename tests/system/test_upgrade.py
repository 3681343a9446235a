"""A shop that is at work upgrades from the oldest states that it could have, and loses nothing."""

import contextlib
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
import requests
import shop as shops

import devenv

# A test may have to install, fill and upgrade a shop first.
pytestmark = pytest.mark.timeout(1200)


class State(NamedTuple):
    """A commit that a shop could have installed."""

    commit: str
    has_rows: bool = True
    """Whether it keeps a row of ``livechat.subaccount`` for each sub-account, with which its main
    account manages it; before, an administrator said on users whose they are, and that was all."""


STATES = {
    "dispatch": State("9642b2e5e698bfcdcdebc905a3caa4135322663a", has_rows=False),
    "accounts": State("c405dee1b1b1cebb0779a5d24de7aa89dd77e280"),
    "first": State("a436b38cf347d027c85ff3bf97dd3e6b0f9449bf"),
}

#: Each sub-account's weight, and the state that its main account is to see after the upgrade.
#: *special* was never activated; where nobody was, it is an administrator.
PEOPLE = {
    "desk1": (400, "enabled"),
    "desk2": (200, "enabled"),
    "desk3": (100, "enabled"),
    "desk4": (150, "enabled"),
    "desk5": (50, "enabled"),
    "paused": (100, "enabled"),
    "disabled": (100, "disabled"),
    "special": (100, "pending"),
}
#: Whom the weights of the first three give seven buyers: three before the upgrade, four after it.
PICKS = ["desk1", "desk2", "desk1", "desk3", "desk1", "desk2", "desk1"]

NOISE = re.compile(r"^\S+ \S+ \d+ (?:WARNING|ERROR|CRITICAL) \S+ \S+: (.*)", re.M)

#: Columns, indexes, constraints, functions and our external ids. Which column of a relation table
#: comes first in its key depends on which of two fields Odoo meets first.
LAYOUT = """
    SELECT table_name || '.' || column_name,
           concat_ws(' ', data_type, is_nullable, column_default)
      FROM information_schema.columns
     WHERE table_schema = 'public'
     UNION ALL
    SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename !~ '_rel$'
     UNION ALL
    SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
      FROM pg_constraint
     WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text !~ '_rel$'
     UNION ALL
    SELECT proname, '' FROM pg_proc WHERE pronamespace = 'public'::regnamespace
     UNION ALL
    SELECT name, concat_ws(' ', model, noupdate)
      FROM ir_model_data
     WHERE module = 'im_livechat_subaccount'
"""
SEATS = "SELECT discuss_channel_id, partner_id FROM livechat_dispatch_seat ORDER BY 1, 2"

#: Tables, and their columns without who wrote a row when.
COLUMNS = """
    SELECT table_name, string_agg(quote_ident(column_name), ', ')
      FROM information_schema.columns
      JOIN information_schema.tables USING (table_schema, table_name)
     WHERE table_schema = 'public'
       AND table_type = 'BASE TABLE'
       AND column_name NOT IN ('write_date', 'write_uid')
  GROUP BY table_name
"""
TABLES = """
    SELECT relname
      FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relpersistence = 'p'
"""
#: What grows with a shop and its customers.
LARGE = (
    "discuss_channel",
    "discuss_channel_member",
    "im_livechat_channel_member_history",
    "livechat_dispatch_credit",
    "livechat_dispatch_decision",
    "livechat_dispatch_seat",
    "livechat_dispatch_total",
    "livechat_subaccount",
    "mail_message",
    "res_partner",
    "res_users",
)


class OldShop:
    """A shop as it was set up long ago, by its people's pages and its buyers' widgets."""

    def __init__(self, state, db, url):
        self.state, self.db, self.url = state, db, url
        self.admin = shops.Shop(db, url)
        (self.owner_id,) = self._create_users(
            ["flagship"],
            *(["im_livechat_subaccount.group_main_account"] if state.has_rows else []),
        )
        self.ids = self._create_subaccounts() if state.has_rows else self._create_members()
        self.admin.call(
            "mail.presence",
            "create",
            [{"user_id": user_id, "status": "online"} for user_id in self.ids.values()],
        )
        self.shared = self._open_channel("share", ["desk1", "desk2", "desk3", "paused", "disabled"])
        self.by_load = self._open_channel("least_load", ["desk4", "desk5"])
        for reception in (self.shared, self.by_load):
            buyers = [shops.Buyer(url) for _buyer in range(3)]
            chats = [buyer.open_chat(reception).chat_id for buyer in buyers]
            assert all(chats)
            buyers[0].leave(chats[0])
        # Of the last chat the buyer waits for an answer.
        self.asked = chats[-1]
        question = {"body": "Is it blue?", "message_type": "comment"}
        answer = shops.post(
            buyers[-1].session,
            f"{url}/mail/message/post",
            {"thread_model": "discuss.channel", "thread_id": self.asked, "post_data": question},
        )
        assert not answer.failed, answer.text
        assert self.get_picks() == PICKS[:3]
        self._retire()

    def _create_users(self, names, *groups):
        values = [
            {
                "name": name,
                "login": name,
                "password": f"{name}-{name}",
                "group_ids": [[4, self.admin.ref(group)] for group in ("base.group_user", *groups)],
            }
            for name in names
        ]
        return self.admin.call("res.users", "create", values, context={"no_reset_password": True})

    def _create_members(self):
        """An administrator says of users whose sub-accounts they are."""
        ids = self._create_users(PEOPLE, "im_livechat.im_livechat_group_user")
        for user_id, (weight, _state) in zip(ids, PEOPLE.values()):
            values = {"dispatch_weight": weight, "main_account_id": self.owner_id}
            self.admin.call("res.users", "write", [user_id], values)
        return dict(zip(PEOPLE, ids))

    def _create_subaccounts(self):
        """The main account creates its sub-accounts, and their people open their links."""
        owner = self.log_in("flagship")
        role = self.admin.ref("im_livechat_subaccount.role_reception")
        values = [
            {"name": name, "login": name, "dispatch_weight": weight, "role_ids": [[4, role]]}
            for name, (weight, _state) in PEOPLE.items()
        ]
        ids = owner.call("livechat.subaccount", "create", values)
        for name, row_id in zip(PEOPLE, ids):
            if name == "special":
                continue
            action = owner.call("livechat.subaccount", "action_activation_link", [row_id])
            person = requests.Session()
            url = f"{self.url}/livechat/activate/{action['context']['default_url'].split('/')[-1]}"
            page = person.get(url, timeout=shops.TIMEOUT).text
            (token,) = re.findall(r'name="csrf_token" value="(\w+)"', page)
            password = f"{name}-{name}"
            form = {"csrf_token": token, "password": password, "confirm_password": password}
            assert person.post(url, form, timeout=shops.TIMEOUT).ok
        rows = self.admin.call("livechat.subaccount", "read", ids, ["user_id"])
        return dict(zip(PEOPLE, (row["user_id"][0] for row in rows)))

    def _open_channel(self, mode, names):
        values = {
            "name": mode,
            "dispatch_mode": mode,
            "main_account_id": self.owner_id,
            "max_sessions_mode": "limited",
            "max_sessions": 5,
            "user_ids": [[6, 0, [self.ids[name] for name in names]]],
        }
        pause = {"dispatch_paused": True}
        self.admin.call("res.users", "write", [self.ids["paused"]], pause)
        (channel_id,) = self.admin.call("im_livechat.channel", "create", [values])
        return shops.Reception(self.admin, channel_id, [])

    def _retire(self):
        """Disable who is to be disabled and, before there were sub-accounts to speak of, make one
        an administrator."""
        self.admin.call("res.users", "write", [self.ids["disabled"]], {"active": False})
        if not self.state.has_rows:
            rights = {"group_ids": [[4, self.admin.ref("base.group_system")]]}
            self.admin.call("res.users", "write", [self.ids["special"]], rights)

    def log_in(self, name):
        return shops.Shop(self.db, self.url, name, f"{name}-{name}")

    def get_picks(self):
        """The agents who got the chats of the channel that shares, in their order."""
        names = {user_id: name for name, user_id in self.ids.items()}
        return [names[user_id] for user_id in self.shared.served()]

    def read_facts(self):
        """What an upgrade must not change."""
        users = self.admin.call(
            "res.users",
            "search_read",
            [["id", "in", list(self.ids.values())], ["active", "in", [True, False]]],
            ["name", "login", "active", "dispatch_weight", "dispatch_paused", "dispatch_credit"],
        )
        return {
            "users": users,
            "shared": self.shared.open_chats(),
            "by load": self.by_load.open_chats(),
            "seats": self.admin.sql(SEATS),
        }


def read(db, query):
    with contextlib.closing(devenv.connect(db)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def read_contents(db):
    """Return a digest of what each table says, but those in which Odoo keeps its own books."""
    return {
        table: read(
            db,
            "SELECT md5(string_agg(row::text, ',' ORDER BY row::text))"
            f' FROM (SELECT {columns} FROM "{table}") row',
        )
        for table, columns in read(db, COLUMNS)
        if not re.match("ir_|orm_", table)
    }


def read_versions(db):
    """Return which versions of rows the large tables hold: one that is written anew is another."""
    return {table: set(read(db, f"SELECT ctid::text, xmin::text FROM {table}")) for table in LARGE}


def give_signs_of_life(shop):
    """As the agents' pages do every minute."""
    shop.admin.sql("UPDATE mail_presence SET last_poll = now() AT TIME ZONE 'UTC'")


def upgrade(db):
    """Run ``-u`` and return what it complained about."""
    log = devenv.LOGS / f"upgrade-{db}.log"
    log.unlink(missing_ok=True)
    command = ["-d", db, "-u", devenv.ADDON, "--stop-after-init", "--no-http"]
    assert not devenv.run_odoo([*command, "--max-cron-threads", "0"], log=log), devenv.tail(log)
    return NOISE.findall(Path(log).read_text())


@pytest.fixture(
    scope="module",
    # The oldest goes through every migration; those after it rarely know more.
    params=[
        "dispatch",
        pytest.param("accounts", marks=pytest.mark.long),
        pytest.param("first", marks=pytest.mark.long),
    ],
)
def old_shop(request, tmp_path_factory):
    """The shop on its database, its server stopped."""
    state = STATES[request.param]
    archive = subprocess.run(
        ["git", "archive", state.commit], cwd=devenv.ROOT, capture_output=True, check=False
    )
    if archive.returncode:
        pytest.skip(
            f"this clone lacks commit {state.commit[:7]}, from which a shop is to upgrade: it was "
            "made without the history, which git fetch --unshallow gets"
        )
    folder = tmp_path_factory.mktemp("old") / devenv.ADDON
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    code = ["--addons-path", ",".join(map(str, [*devenv.odoo().addons, folder.parent]))]
    with devenv.postgres(), devenv.temp_db(devenv.template_db()) as db:
        devenv.install(db, [devenv.ADDON], args=code)
        with devenv.Server(db, args=code) as server:
            shop = OldShop(state, db, server.url)
            # One more buyer came, and the request failed after its agent had been chosen.
            choose = f"env['im_livechat.channel'].browse({shop.shared.id})._get_operator().name"
            failing = f"print({choose})\nenv.cr.rollback()"
            assert PICKS[3] in devenv.shell(db, failing, args=code)
            shop.facts = shop.read_facts()
        yield shop


@pytest.fixture(scope="module")
def complaints(old_shop):
    """What was said while the shop was upgraded."""
    return upgrade(old_shop.db)


@pytest.fixture(scope="module")
def shop(old_shop, complaints):
    """The shop after the upgrade, at work again."""
    with devenv.Server(old_shop.db) as server:
        old_shop.url, old_shop.admin = server.url, shops.Shop(old_shop.db, server.url)
        old_shop.shared.shop = old_shop.by_load.shop = old_shop.admin
        yield old_shop


def test_an_upgrade_says_nothing_but_whom_it_could_not_keep(old_shop, complaints):
    wanted = [] if old_shop.state.has_rows else ["special is an ordinary user from now on"]
    assert [complaint.partition(",")[0] for complaint in complaints] == wanted


def test_an_upgraded_database_is_laid_out_like_a_new_one(old_shop, complaints, template):
    new, upgraded = (set(read(db, LAYOUT)) for db in (template, old_shop.db))
    assert sorted(new - upgraded) == []
    assert sorted(upgraded - new) == []


def test_credits_weights_and_seats_stay(shop):
    assert shop.read_facts() == shop.facts


def test_the_main_account_manages_all_its_sub_accounts(shop):
    owner = shop.log_in("flagship")
    rows = owner.call(
        "livechat.subaccount", "search_read", [], ["name", "dispatch_weight", "state"]
    )
    found = {row["name"]: (row["dispatch_weight"], row["state"]) for row in rows}
    people = dict(PEOPLE)
    if not shop.state.has_rows:
        del people["special"]
    assert found == people
    (row_id,) = [row["id"] for row in rows if row["name"] == "desk5"]
    owner.call("livechat.subaccount", "write", [row_id], {"dispatch_weight": 60})
    reception = owner.call("im_livechat.channel", "get_reception")
    assert {channel["id"] for channel in reception["channels"]} >= {
        shop.shared.id,
        shop.by_load.id,
    }
    shop.log_in("desk1")


def test_contacts_of_sub_accounts_are_still_hidden_from_other_shops(shop):
    rows = shop.admin.sql(
        "SELECT users.login, livechat_main_account_id FROM res_partner partner"
        " JOIN res_users users ON users.partner_id = partner.id WHERE users.id = ANY(%s)",
        list(shop.ids.values()),
    )
    assert dict(rows) == {
        name: None if name == "special" and not shop.state.has_rows else shop.owner_id
        for name in PEOPLE
    }


def test_the_next_buyers_get_whom_they_would_have_got(shop):
    give_signs_of_life(shop)
    for _buyer in PICKS[3:]:
        assert shops.Buyer(shop.url).open_chat(shop.shared).chat_id
    assert shop.get_picks() == PICKS


def test_a_buyer_who_asked_before_the_upgrade_is_not_forgotten(shop):
    operator = f"SELECT livechat_operator_id FROM discuss_channel WHERE id = {shop.asked}"
    before = read(shop.db, operator)
    give_signs_of_life(shop)
    limit = {"no_reply_seconds": 10}
    shop.admin.call("im_livechat.channel", "write", [shop.by_load.id], limit)
    shop.admin.run_cron("im_livechat_subaccount.ir_cron_dispatch")
    assert read(shop.db, operator) != before


@pytest.mark.long
def test_a_second_upgrade_changes_nothing(shop):
    contents, versions = read_contents(shop.db), read_versions(shop.db)
    assert upgrade(shop.db) == []
    after = read_contents(shop.db)
    assert {table for table in contents | after if contents.get(table) != after.get(table)} == set()
    # Core writes the contact of who is in a group whose implied groups are said again.
    written = {table: rows - versions[table] for table, rows in read_versions(shop.db).items()}
    assert {table: len(rows) for table, rows in written.items() if rows} in ({}, {"res_partner": 1})


def test_buyers_are_served_while_an_upgrade_runs(server):
    shop = shops.Shop(server.db, server.url)
    reception = shop.open_reception([100])
    with ThreadPoolExecutor(1) as pool:
        upgrading = pool.submit(upgrade, server.db)
        answers = []
        while not upgrading.done():
            buyer = shops.Buyer(server.url)
            answers.append(buyer.open_chat(reception))
            if answers[-1].chat_id:
                buyer.leave(answers[-1].chat_id)
    assert upgrading.result() == []
    assert len(answers) > 1 and all(answer.chat_id for answer in answers)


def test_an_upgrade_that_changes_nothing_locks_no_table(template, monkeypatch):
    with devenv.temp_db(template) as db:
        with contextlib.closing(devenv.connect(db)) as connection, connection.cursor() as cursor:
            connection.autocommit = False
            # As a shop that never stops writing; who wants a table for itself waits.
            for (table,) in read(db, TABLES):
                cursor.execute(f'LOCK TABLE "{table}" IN ROW EXCLUSIVE MODE')
            monkeypatch.setenv("PGOPTIONS", "-c lock_timeout=20s")
            assert upgrade(db) == []
