"""Mail to a real SMTP server (aiosmtpd) that is healthy, down, slow or refuses, with and without TLS and passwords."""

import asyncio
import email
import email.policy
import json
import os
import pathlib
import signal
import ssl
import subprocess
import threading
import time

import installation
import pytest
import servers
from aiosmtpd.smtp import SMTP, AuthResult
from installation import unique, wait_until

ANN, BOB = "ann@shop.example", "bob@shop.example"
BOTH = f"{ANN}, {BOB}"
PASSWORD = "s3cret/p@ss%word"
QUOTED = "s3cret%2Fp%40ss%25word"
OK = "250 taken"


class Mailbox:
    """A mail server that keeps the mails that it accepts, and answers the next attempts as a test says."""

    def __init__(self, tls=None, starttls=None, port=None, needs_login=False):
        self.port = port or servers.free_port()
        self.tls, self.starttls, self.needs_login = tls, starttls, needs_login
        self.taken = []  # (recipient, mail, whether TLS was used)
        self.tried = []  # a recipient for each RCPT
        self.connections = 0
        self.next_rcpt = {}  # recipient: answers to its next attempts
        self.next_data = []  # answers to the next mails
        self.silent = 0  # the number of connections that get no greeting
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        self.server = asyncio.run_coroutine_threadsafe(self.listen(), self.loop).result(10)
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self.close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def listen(self):
        return await self.loop.create_server(self.session, "127.0.0.1", self.port, ssl=self.tls)

    async def close(self):
        self.server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    def session(self):
        self.connections += 1
        if self.silent:
            self.silent -= 1
            return asyncio.Protocol()
        login = {"authenticator": check_login, "auth_required": True, "auth_require_tls": bool(self.starttls)}
        return SMTP(self, hostname="mail.example", tls_context=self.starttls, loop=self.loop, **(login if self.needs_login else {}))

    # aiosmtpd's hooks.

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        self.tried.append(address)
        answers = self.next_rcpt.get(address, [])
        answer = answers.pop(0) if answers else OK
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):
        deed = self.next_data.pop(0) if self.next_data else OK
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        if deed[0] in "45":
            return deed
        self.taken += [(recipient, mail, bool(session.ssl)) for recipient in envelope.rcpt_tos]
        if deed == "drop":
            server.transport.abort()
        elif deed == "hang":
            await asyncio.sleep(60)
        return OK

    async def handle_QUIT(self, _server, _session, _envelope):
        if getattr(self, "hangs_at_quit", False):
            await asyncio.sleep(60)
        return "221 bye"

    # Queries of the tests.

    def url(self, login="", host="localhost"):
        return f"{'smtps' if self.tls else 'smtp'}://{login}{host}:{self.port}"

    def of(self, order):
        return [(recipient, mail) for recipient, mail, _tls in list(self.taken) if order in mail.get_content()]

    def recipients(self, order):
        return sorted(recipient for recipient, _mail in self.of(order))


def check_login(_server, _session, _envelope, _mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"allocd", PASSWORD.encode()), handled=False)


class Mailing:
    """A worker that sends mail, and the file with the server's URL, which is read again for every mail."""

    def __init__(self, allocd, folder, certificates):
        self.allocd = allocd
        self.file = pathlib.Path(folder) / "smtp-url"
        self.settings = {
            "ALLOCD_SMTP_URL_FILE": str(self.file), "ALLOCD_MAIL_FROM": "allocd@shop.example", "ALLOCD_MAIL_TO": BOTH,
            "ALLOCD_MAIL_RETRY": "1", "ALLOCD_MAIL_TRIES": "3", "ALLOCD_MAIL_TIMEOUT": "3",
            "SSL_CERT_FILE": str(certificates / "right.pem"),
        }  # fmt: skip
        self.use(f"smtp://127.0.0.1:{servers.free_port()}")
        allocd.settings.update(self.settings)

    def use(self, url):
        new = self.file.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(url + "\n")
        os.replace(new, self.file)

    def run_out_of_stock(self, sku=None, batch=None, qty=5):
        """Allocates a line without stock, and returns its order."""
        sku, order = sku or unique("sku"), unique("order")
        assert self.allocd.post("/add_batch", {"ref": batch or unique("batch"), "sku": sku, "qty": 3}).status_code == 201
        assert self.allocd.post("/allocate", {"orderid": order, "sku": sku, "qty": qty}).status_code == 202
        return order

    def await_nothing_left(self):
        wait_until(lambda: not self.allocd.query("select 1 from notifications"), "every mail to be done with")

    def await_both(self, mailbox, order):
        wait_until(lambda: len(set(mailbox.recipients(order))) == 2, "both mails")
        self.await_nothing_left()

    def tried(self, order, times):
        return self.allocd.query("select 1 from notifications where orderid = %s and attempts = %s", order, times)

    def dead(self, order):
        rows = self.allocd.query("select convert_from(payload, 'UTF8'), reason, attempts from dead_letters where way = 'mail'")
        letters = [(json.loads(payload), reason, attempts) for payload, reason, attempts in rows]
        return [letter for letter in letters if letter[0]["orderid"] == order]

    def restart(self, **settings):
        assert self.allocd.stop() == 0
        self.allocd.start(**settings)

    def metric(self, name):
        lines = self.allocd.get("/metrics").text.splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(name + " ")))

    def log(self):
        return self.allocd.log.read_text()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """right.pem for localhost, wrong.pem for another host; both are trusted."""
    folder = tmp_path_factory.mktemp("certificates")
    for name, host in ("right", "localhost"), ("wrong", "other.example"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
             "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"],
            check=True, capture_output=True,
        )  # fmt: skip
    (folder / "right.pem").write_text((folder / "right.crt").read_text() + (folder / "wrong.crt").read_text())
    return folder


def server_context(certificates, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.crt", certificates / f"{name}.key")
    return context


@pytest.fixture(scope="module")
def mailing(tmp_path_factory, server_urls, certificates):
    """One worker for all tests that need no other settings."""
    folder = tmp_path_factory.mktemp("mailing")
    with installation.fresh_database(server_urls["DATABASE_URL"]) as url:
        allocd = installation.Installation(folder, url, server_urls["REDIS_URL"])
        there = Mailing(allocd, folder, certificates)
        allocd.start()
        yield there
        allocd.close()


@pytest.fixture
def slow(tmp_path, parked, certificates):
    """A separate worker with a long timeout for its mail server; it does not run yet."""
    there = Mailing(parked, tmp_path, certificates)
    parked.settings["ALLOCD_MAIL_TIMEOUT"] = "30"
    return there


# ---- what arrives ----


def test_a_line_without_stock_is_mailed_to_each_recipient(mailing):
    sku, batch = "L\u00e4mp\r\nBcc: eve@shop.example " + unique("sku"), "." * 200 + unique("batch")
    with Mailbox() as mailbox:
        mailing.use(mailbox.url())
        order = mailing.run_out_of_stock(sku, batch)
        mailing.await_both(mailbox, order)

        assert mailbox.recipients(order) == [ANN, BOB]
        (recipient, mail), (_, other) = mailbox.of(order)
        assert (mail["From"], mail["To"], mail["Auto-Submitted"]) == ("allocd@shop.example", recipient, "auto-generated")
        assert mail["Subject"] == f"Out of stock: 5 of {sku} for order {order}".replace("\r", "\\u000d").replace("\n", "\\u000a")
        assert "Bcc" not in mail and not mail.defects
        assert abs(email.utils.parsedate_to_datetime(mail["Date"]).timestamp() - time.time()) < 60
        assert mail["Message-ID"] != other["Message-ID"]
        text = mail.get_content().replace("\r\n", "\n")
        assert f"    Order:     {order}\n" in text and "    Quantity:  5\n" in text
        assert f"    in the warehouse           3  in batch {batch}\n" in text
        assert mailbox.connections == 2
    assert mailing.metric("allocd_mail_up") == 1


# ---- a server that is away, slow, or loses connections ----


def test_a_mail_becomes_a_dead_letter_after_all_attempts_and_its_replay_sends_it(mailing):
    mailing.use(f"smtp://allocd:{QUOTED}@localhost:{servers.free_port()}")
    order = mailing.run_out_of_stock()
    wait_until(lambda: len(mailing.dead(order)) == 2, "the last try")

    assert sorted(letter["to"] for letter, _, _ in mailing.dead(order)) == [ANN, BOB]
    assert {attempts for _, _, attempts in mailing.dead(order)} == {3}
    assert mailing.metric("allocd_mail_up") == 0
    wait_until(mailing.allocd.ready, "it to be ready although mail cannot be sent")
    assert mailing.log().count('msg="cannot send mail, will try again"') <= 2, "the limiter makes one of them"

    with Mailbox() as mailbox:
        mailing.use(mailbox.url())
        done = mailing.allocd.run("dead-letters", "replay", "--message", "out_of_stock", "--yes")
        assert done.returncode == 0, done.stderr
        mailing.restart()  # otherwise the mail is noticed within 10 s
        mailing.await_both(mailbox, order)
        assert mailbox.recipients(order) == [ANN, BOB]
    assert mailing.dead(order) == []


def test_a_mail_to_a_silent_or_hanging_server_times_out_and_is_retried(mailing):
    with Mailbox() as mailbox:
        mailbox.silent = 1
        mailbox.next_data = ["hang"]
        mailing.use(mailbox.url())
        order = mailing.run_out_of_stock()
        mailing.await_both(mailbox, order)

        assert mailbox.connections == 4
        assert len(mailbox.of(order)) == 3, "the one that hung had come whole already"
        assert len({(recipient, mail["Message-ID"]) for recipient, mail in mailbox.of(order)}) == 2
    wait_until(lambda: 'msg="mail can be sent again"' in mailing.log(), "the line that says so")


def test_a_mail_whose_answer_gets_lost_is_sent_again_under_the_same_message_id(mailing):
    with Mailbox() as mailbox:
        mailbox.next_data = ["drop"] * 2
        mailing.use(mailbox.url())
        order = mailing.run_out_of_stock()
        wait_until(lambda: len(mailbox.of(order)) == 4, "both mails twice")
        mailing.await_nothing_left()

        assert mailbox.recipients(order) == [ANN, ANN, BOB, BOB]
        assert len({(recipient, mail["Message-ID"]) for recipient, mail in mailbox.of(order)}) == 2


def test_a_mail_is_retried_while_its_host_or_its_url_file_is_missing(mailing):
    mailing.use("smtp://mail.invalid")
    order = mailing.run_out_of_stock()
    wait_until(lambda: len(mailing.tried(order, 1)) == 2, "the host not to be found")
    mailing.file.unlink()
    wait_until(lambda: len(mailing.tried(order, 2)) == 2, "the file to be missing")
    with Mailbox() as mailbox:
        mailing.use(mailbox.url())
        mailing.await_both(mailbox, order)
        assert mailbox.recipients(order) == [ANN, BOB]


def test_a_mail_is_sent_even_if_the_server_does_not_answer_quit(mailing):
    with Mailbox() as mailbox:
        mailbox.hangs_at_quit = True
        mailing.use(mailbox.url())
        order = mailing.run_out_of_stock()
        mailing.await_both(mailbox, order)

        assert mailbox.recipients(order) == [ANN, BOB]


def test_a_worker_that_is_restarted_between_attempts_sends_each_mail_once(mailing):
    port = servers.free_port()
    mailing.use(f"smtp://127.0.0.1:{port}")
    order = mailing.run_out_of_stock()
    wait_until(lambda: len(mailing.tried(order, 1)) == 2, "the first try")
    assert mailing.allocd.stop() == 0
    wait_until(lambda: not mailing.allocd.query("select 1 from notifications where due_at > now()"), "the second try to be due")
    with Mailbox(port=port) as mailbox:
        mailing.allocd.start()
        mailing.await_both(mailbox, order)
        assert mailbox.recipients(order) == [ANN, BOB]


# ---- a server that refuses ----


def test_a_refused_recipient_is_a_dead_letter_at_once_and_the_other_one_gets_its_mail(mailing):
    with Mailbox() as mailbox:
        mailbox.next_rcpt = {BOB: ["550 5.1.1 no such user"]}
        mailing.use(mailbox.url())
        order = mailing.run_out_of_stock()
        wait_until(lambda: mailing.dead(order), "the dead letter")
        mailing.await_nothing_left()

        assert mailbox.recipients(order) == [ANN]
        ((letter, reason, attempts),) = mailing.dead(order)
        assert (letter["to"], attempts) == (BOB, 1)
        assert reason.startswith(f"localhost:{mailbox.port} refused the recipient {BOB}: 550 5.1.1 no such user")
        assert mailbox.tried.count(BOB) == 1
        assert mailing.metric("allocd_mail_up") == 1


def test_a_mail_that_is_temporarily_refused_is_retried_alone(mailing):
    with Mailbox() as mailbox:
        mailbox.next_rcpt = {BOB: ["450 greylisted"]}
        mailbox.next_data = ["452 no room"]
        mailing.use(mailbox.url())
        order = mailing.run_out_of_stock()
        mailing.await_both(mailbox, order)

        assert mailbox.recipients(order) == [ANN, BOB]
        assert mailbox.tried.count(BOB) == mailbox.tried.count(ANN) == 2


# ---- TLS and passwords ----


def test_a_certificate_for_another_name_is_refused(mailing, certificates):
    with Mailbox(tls=server_context(certificates, "wrong")) as wrong, Mailbox(tls=server_context(certificates, "right")) as right:
        mailing.use(wrong.url())
        mailing.restart()  # so that its first trouble is logged
        order = mailing.run_out_of_stock()
        wait_until(lambda: "must name a host that the certificate is for" in mailing.log(), "the refusal")

        mailing.use(right.url())
        mailing.await_both(right, order)
        assert right.recipients(order) == [ANN, BOB]
        assert all(tls for _, _, tls in right.taken) or right.tls
        assert wrong.taken == []


def test_starttls_is_used_when_offered_and_verified(mailing, certificates):
    with Mailbox(starttls=server_context(certificates, "wrong")) as wrong, Mailbox(starttls=server_context(certificates, "right")) as right:
        mailing.use(wrong.url())
        order = mailing.run_out_of_stock()
        wait_until(lambda: wrong.connections >= 2, "the attempts")
        mailing.use(right.url())
        mailing.await_both(right, order)

        assert right.recipients(order) == [ANN, BOB]
        assert all(tls for _, _, tls in right.taken)
        assert wrong.taken == []


def test_a_mail_with_a_wrong_password_is_retried_with_the_rotated_one_and_logs_neither(mailing, certificates):
    with Mailbox(starttls=server_context(certificates, "right"), needs_login=True) as mailbox:
        mailing.use(mailbox.url(login="allocd:old-s3cret@"))
        mailing.restart()
        order = mailing.run_out_of_stock()
        wait_until(lambda: "refused the user or the password of ALLOCD_SMTP_URL: 535" in mailing.log(), "the refusal")
        mailing.use(mailbox.url(login=f"allocd:{QUOTED}@"))
        mailing.await_both(mailbox, order)

        assert mailbox.recipients(order) == [ANN, BOB]
    shown = mailing.log() + mailing.allocd.run("config").stdout + str(mailing.allocd.query("select reason from dead_letters"))
    assert "s3cret" not in shown


def test_a_mail_waits_while_required_tls_is_not_offered(mailing, certificates):
    with Mailbox() as plain, Mailbox(starttls=server_context(certificates, "right")) as secure:
        mailing.use(plain.url())
        mailing.restart(ALLOCD_MAIL_TLS="required")
        order = mailing.run_out_of_stock()
        wait_until(lambda: "ALLOCD_MAIL_TLS=off" in mailing.log(), "the refusal")
        mailing.use(secure.url())
        mailing.await_both(secure, order)

        assert plain.taken == []
        assert secure.recipients(order) == [ANN, BOB]
    mailing.restart()


# ---- mail delays nothing else ----


def test_a_hanging_mail_server_delays_neither_units_nor_the_end_of_the_worker(slow):
    units = 1000
    with Mailbox() as mailbox:
        mailbox.next_data = ["hang"] * units
        slow.use(mailbox.url())
        slow.allocd.start(ALLOCD_UNIT_MAX="1")
        slow.run_out_of_stock("hung")
        wait_until(lambda: len(mailbox.taken) == 2, "the server to hang with all mails that are under way")

        publish(slow.allocd, units)
        slowest = slowest_answer_until(lambda: slow.metric("allocd_unit_size_messages_count") >= units, slow.allocd)

        assert slowest < 10, "a loop that waits for the mail server stands still for 30 s"
        wait_until(slow.allocd.ready, "it to be ready although the mails hang")
        assert slow.metric("allocd_notifications_total") == 0
        assert len(mailbox.taken) == 2
        assert slow.allocd.stop(signal.SIGTERM) == 0, "it ends in time, and what was taken is done"


def publish(allocd, count):
    """Publishes `count` lines that find no stock."""
    with allocd.redis.pipeline(transaction=False) as pipeline:
        for number in range(count):
            fields = {"orderid": f"order-{number}", "sku": "hung", "qty": 9}
            pipeline.publish(f"{allocd.prefix}allocate", json.dumps(fields))
        pipeline.execute()


def slowest_answer_until(is_done, allocd):
    slowest, deadline = 0, time.monotonic() + 30
    while not is_done():
        begun = time.monotonic()
        assert allocd.get("/livez").status_code == 200
        slowest = max(slowest, time.monotonic() - begun)
        assert begun < deadline, "the units take too long"
    return slowest


def test_a_worker_that_stops_waits_for_the_mail_that_is_being_sent(slow):
    with Mailbox() as mailbox:
        slow.use(mailbox.url())
        slow.allocd.start(ALLOCD_MAIL_TO=ANN)
        order = slow.run_out_of_stock()
        slow.await_nothing_left()

        assert mailbox.recipients(order) == [ANN]
        assert slow.allocd.query("select 1 from dead_letters") == []


# ---- settings ----


@pytest.mark.parametrize("url", ["smtp://ann:s3cret", "mail.example:25", "smtp://ann:s3c@ret@mail.example", "smtp://ann:s3cret/x@mail.example"])
def test_a_malformed_url_ends_with_78_and_is_not_repeated(parked, url):
    done = parked.run("run", ALLOCD_SMTP_URL=url, ALLOCD_MAIL_FROM=ANN, ALLOCD_MAIL_TO=BOB)

    assert done.returncode == 78
    assert "ALLOCD_SMTP_URL" in done.stderr
    assert "s3c" not in done.stdout + done.stderr


def test_help_and_config_show_the_mail_settings_without_the_password(parked):
    done = parked.run("config", ALLOCD_SMTP_URL=f"smtps://allocd:{QUOTED}@mail.example", ALLOCD_MAIL_FROM=ANN, ALLOCD_MAIL_TO=BOTH)

    assert done.returncode == 0
    assert "ALLOCD_SMTP_URL=smtps://allocd:***@mail.example" in done.stdout
    assert "s3cret" not in done.stdout
    shown = parked.run("help", "run").stdout
    assert all(f"--{name}" in shown for name in ("smtp-url", "smtp-url-file", "mail-from", "mail-to", "mail-tls", "mail-tries"))
