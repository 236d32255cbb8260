"""Which hosts a target may speak to: an allow-list that every address and every answer is held against."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable

import httpx

from gonogo.errors import EXIT_USAGE, RefusedError, TargetError
from gonogo.model.environment import Environment, Kind

HOST_NOT_ALLOWED = "host-not-allowed"
PLAIN_HTTP = "plain-http"
CREDENTIALS_IN_URL = "credentials-in-url"
_PORTS = {"http": 80, "https": 443}


class RedirectRefusedError(TargetError):
    """The target answered with a redirect, which is never followed."""

    exit_code = EXIT_USAGE


def check_host(environment: Environment, url: str) -> None:
    """Raise `RefusedError`, the rule's id first, unless the environment's allow-list holds the host of an address.

    An environment of kind production has to name its hosts; another one that names none may speak to any. What cannot
    be read as an address is refused.
    """
    refusal = find_refusal(environment, url)
    if refusal is not None:
        rule, text = refusal
        raise RefusedError(
            f"[{rule}] {text}", "Nothing was sent. Correct base_url, or have the host put under 'hosts'."
        )


def find_refusal(environment: Environment, url: str) -> tuple[str, str] | None:
    """Return the rule that an address breaks and a sentence that says how, or None."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError):
        return HOST_NOT_ALLOWED, "the address cannot be read as a URL"
    if parsed.scheme not in _PORTS or not parsed.host:
        return HOST_NOT_ALLOWED, "the address is not http(s)://host"
    if parsed.userinfo:
        return CREDENTIALS_IN_URL, f"the address of {parsed.host} holds a user or a password; those are never sent so"
    host = host_of(parsed)
    production = environment.kind is Kind.PRODUCTION
    if production and not environment.hosts:
        return HOST_NOT_ALLOWED, f"this environment of kind production names no hosts, so {host} is not allowed"
    if environment.hosts and not is_listed(environment.hosts, parsed):
        return HOST_NOT_ALLOWED, f"{host} is not among the allowed hosts: {', '.join(environment.hosts)}"
    if production and parsed.scheme == "http" and not _is_loopback(parsed.host):
        return PLAIN_HTTP, f"{host} would be spoken to without TLS; production wants https"
    return None


def guard_requests(environment: Environment) -> Callable[[httpx.Request], None]:
    """Return what refuses a single request to a host that is not allowed, as the client is about to make it."""

    def check(request: httpx.Request) -> None:
        check_host(environment, str(request.url.copy_with(raw_path=b"/", fragment=None)))

    return check


def refuse_redirect(environment: Environment, response: httpx.Response) -> None:
    """Raise `RedirectRefusedError` for a redirect where the hosts are listed; its address is named by its host only."""
    if not environment.hosts or not response.has_redirect_location:
        return
    try:
        where = host_of(response.request.url.join(response.headers["Location"]))
    except (httpx.InvalidURL, ValueError):
        where = "an address that cannot be read"
    raise RedirectRefusedError(
        f"[{HOST_NOT_ALLOWED}] {host_of(response.request.url)} redirects to {where}; redirects are not followed",
        "Name the address that answers by itself as base_url.",
    )


def host_of(url: httpx.URL) -> str:
    """Return the host, and its port where that is not the scheme's own."""
    host = url.raw_host.decode("ascii", "replace").lower()
    host = f"[{host}]" if ":" in host else host
    return host if url.port is None else f"{host}:{url.port}"


def is_listed(hosts: Iterable[str], url: httpx.URL) -> bool:
    """Return whether one of the entries is the host and port of an address."""
    return any(_allows(entry, url) for entry in hosts)


def _allows(entry: str, url: httpx.URL) -> bool:
    """Return whether an entry of the allow-list is this host and port; without a port it means the scheme's own."""
    allowed = httpx.URL(f"{url.scheme}://{entry}")
    default = _PORTS[url.scheme]
    return allowed.raw_host.lower() == url.raw_host.lower() and (allowed.port or default) == (url.port or default)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
