# SPDX-License-Identifier: MIT
"""Private mail servers on loopback: Dovecot for IMAP and POP3, Postfix for submission.

Their settings differ from a production server's only where a server of one's own must: folders,
ports, users. Nothing is ever delivered: every transport of Postfix discards.
"""
import getpass
import grp
import os

from lab import place

USER, PASSWORD = "me@example.test", "battery-staple"
IS_ROOT = os.geteuid() == 0

DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap pop3
listen = 127.0.0.1
ssl = {ssl}
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:{folder}/mail
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail
}}
first_valid_uid = 1
first_valid_gid = 1
service imap-login {{
  inet_listener imap {{
    port = {ports[imap]}
  }}
  inet_listener imaps {{
    port = {ports[imaps]}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {ports[pop3]}
  }}
  inet_listener pop3s {{
    port = {ports[pop3s]}
    ssl = yes
  }}
}}
service stats {{
  client_limit = 100
}}
"""
DOVECOT_TLS = """
ssl_cert = <{certificate.chain}
ssl_key = <{certificate.key}
ssl_min_protocol = {tls_min}
"""
# without root there is one user, and nothing to change root into
DOVECOT_UNPRIVILEGED = """
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
""" + "".join(f"service {s} {{\n  chroot =\n}}\n" for s in ("anvil", "imap-login", "pop3-login"))
DOVECOT_SOCKETS = """
service auth {{
  unix_listener auth-postfix {{
    mode = 0666
  }}
}}
"""
# what makes Dovecot log in by certificate; the name is the certificate's CN
DOVECOT_EXTERNAL = """
ssl_ca = <{ca.pem}
ssl_require_crl = no
ssl_verify_client_cert = yes
auth_ssl_username_from_cert = yes
auth_mechanisms = plain login external
passdb {{
  driver = static
  mechanisms = external
  args = nopassword=y
}}
"""


class Dovecot:
    """One Dovecot: ports["imap"], ["imaps"], ["pop3"], ["pop3s"]. Without a certificate it speaks no TLS."""

    def __init__(self, lab, name, certificate=None, tls_min="TLSv1.2", extra=""):
        self.folder = lab.folder(f"dovecot-{name}")
        self.ports = {listener: lab.port() for listener in ("imap", "imaps", "pop3", "pop3s")}
        (self.folder / "mail").mkdir()
        # mail of nobody where root serves it
        uid, gid = (65534, 65534) if IS_ROOT else (os.getuid(), os.getgid())
        text = DOVECOT.format(folder=self.folder, ports=self.ports, uid=uid, gid=gid, password=PASSWORD,
                              ssl="yes" if certificate else "no")
        if certificate:
            text += DOVECOT_TLS.format(certificate=certificate, tls_min=tls_min)
        if IS_ROOT:
            os.chown(self.folder / "mail", uid, gid)
        else:
            text += DOVECOT_UNPRIVILEGED.format(user=getpass.getuser(), group=grp.getgrgid(os.getgid()).gr_name)
        self.config = self.folder / "dovecot.conf"
        self.config.write_text(text + DOVECOT_SOCKETS.format(folder=self.folder) + extra)
        self.process = lab.start(["dovecot", "-F", "-c", self.config], name=f"dovecot-{name}")
        spoken = [p for n, p in self.ports.items() if certificate or not n.endswith("s")]
        try:
            self.process.await_address(*(("127.0.0.1", port) for port in spoken))
        except place.Failure as failure:
            raise place.Failure(f"{failure}\n{self.log()}") from None

    def log(self):
        path = self.folder / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""


POSTFIX_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = imap.example.test
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
default_transport = discard:sink
relay_transport = discard:sink
local_transport = discard:sink
smtpd_tls_chain_files = {certificate.key}, {certificate.chain}
{sasl}smtpd_tls_auth_only = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
"""
POSTFIX_SASL = """smtpd_sasl_type = dovecot
smtpd_sasl_path = {path}
smtpd_sasl_auth_enable = yes
"""
POSTFIX_MASTER = """
127.0.0.1:{ports[submission]} inet n - n - - smtpd
  -o smtpd_tls_security_level=may -o syslog_name=submission
127.0.0.1:{ports[submissions]} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes -o syslog_name=submissions
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
proxymap unix - - n - - proxymap
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """One Postfix: ports["submission"] (STARTTLS), ["submissions"]. Root only; sasl is a Dovecot."""

    def __init__(self, lab, name, certificate, sasl=None):
        self.folder = lab.folder(f"postfix-{name}")
        self.ports = {listener: lab.port() for listener in ("submission", "submissions")}
        for folder in ("config", "queue", "data"):
            (self.folder / folder).mkdir()
        lab.run(["chown", "postfix", self.folder / "data"])
        config = self.folder / "config"
        (config / "main.cf").write_text(POSTFIX_MAIN.format(
            folder=self.folder, certificate=certificate,
            sasl=POSTFIX_SASL.format(path=sasl.folder / "run/auth-postfix") if sasl else ""))
        (config / "master.cf").write_text(POSTFIX_MASTER.format(ports=self.ports))
        (config / "dynamicmaps.cf").touch()
        lab.run(["postfix", "-c", config, "check"])
        self.process = lab.start(["postfix", "-c", config, "start-fg"], name=f"postfix-{name}")
        self.process.await_address(*(("127.0.0.1", port) for port in self.ports.values()))
