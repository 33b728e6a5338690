"""A real SMTP server that writes every message it accepts to its output, as a line of JSON.

usage: smtp_server.py OPTIONS, one JSON object:
  host      the address to listen at
  tls       "implicit", "starttls" or "none"
  cert, key files of the certificate (not for "none")
  login     [name, password]; null: nobody has to log in
  answers   what to answer in place of its own: {"MAIL": […], "RCPT": […], "DATA": […]}, each answer once, in turn
            (null: its own answer; "hang": none at all)

The first line of output is {"port": …}.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

OPTIONS = json.loads(sys.argv[1])
ANSWERS = OPTIONS["answers"]


def say(what):
    print(json.dumps(what), flush=True)


class Handler:
    """Keeps what comes, and answers as it was told."""

    async def scripted(self, command):
        turns = ANSWERS.get(command, [])
        answer = turns.pop(0) if turns else None
        if answer == "hang":
            await asyncio.sleep(3600)
        return answer

    async def handle_MAIL(self, server, session, envelope, address, options):
        answer = await self.scripted("MAIL")
        if answer:
            return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = await self.scripted("RCPT")
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}
        say({
            "tls": session.ssl is not None,
            "login": session.login_data.decode() if session.login_data else None,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": [[name, str(value)] for name, value in message.items()],
            "raw": envelope.content.decode("ascii"),
            "parts": parts,
        })
        return await self.scripted("DATA") or "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    accepted = [data.login.decode(), data.password.decode()] == OPTIONS["login"]
    return AuthResult(success=accepted, handled=False, auth_data=data if accepted else None)


def context():
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(OPTIONS["cert"], OPTIONS["key"])
    return made


async def main():
    tls = OPTIONS["tls"]
    login = OPTIONS["login"]

    def session():
        return SMTP(
            Handler(),
            tls_context=context() if tls == "starttls" else None,
            require_starttls=tls == "starttls",
            authenticator=authenticate,
            auth_required=login is not None,
            # TLS from the first byte is not seen by the library.
            auth_require_tls=tls == "starttls",
        )

    server = await asyncio.get_running_loop().create_server(
        session, OPTIONS["host"], 0, ssl=context() if tls == "implicit" else None
    )
    say({"port": server.sockets[0].getsockname()[1]})
    await server.serve_forever()


asyncio.run(main())
