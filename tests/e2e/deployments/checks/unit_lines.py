"""The lines of the unit that could be taken out without a complaint of systemd."""

import json
import re

from shipped import accepts, check, fault, read

UNIT = "deploy/allocd.service"

# A worker needs the network, its peers may be anywhere, and it uses the system's libraries.
OPEN = {
    "DeviceAllow", "IPAddressDeny", "PrivateNetwork", "RestrictAddressFamilies_AF_INET_INET6",
    "RestrictAddressFamilies_AF_UNIX", "RootDirectoryOrRootImage",
}  # fmt: skip


@check(UNIT)
def nothing_but_what_the_worker_needs_is_open_to_it(tree):
    rated = json.loads(accepts("systemd-analyze", "security", "--no-pager", "--offline=true", "--json=short", tree / UNIT))
    is_open = {each["json_field"] for each in rated if not each["set"]}

    assert is_open == OPEN, sorted(is_open ^ OPEN)


fault(UNIT, "ProtectProc=invisible\n", "", nothing_but_what_the_worker_needs_is_open_to_it, "['ProtectProc']")
fault(UNIT, "PrivateUsers=yes\n", "", nothing_but_what_the_worker_needs_is_open_to_it, "['PrivateUsers']")


@check(UNIT)
def the_unit_is_started_with_the_machine_and_again_after_a_failure(tree):
    for line in ("WantedBy=multi-user.target", "Restart=on-failure", "RestartSec=2", "EnvironmentFile=-/etc/allocd.env"):
        assert re.search(rf"^{re.escape(line)}$", read(tree, UNIT), re.M), f"there is no {line}"
    for line in ("Wants", "After"):
        assert re.search(rf"^{line}=network-online.target\b", read(tree, UNIT), re.M), f"{line} is not network-online.target"


fault(UNIT, "Restart=on-failure", "Restart=no", the_unit_is_started_with_the_machine_and_again_after_a_failure, "no Restart=on-failure")
fault(UNIT, "WantedBy=multi-user.target\n", "", the_unit_is_started_with_the_machine_and_again_after_a_failure, "no WantedBy=multi-user.target")
