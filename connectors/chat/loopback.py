"""What is on this machine: nobody else reaches it, and it may be spoken to unencrypted."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str | None) -> bool:
    """By its name or its address."""
    try:
        return host == "localhost" or ip_address((host or "").strip("[]")).is_loopback
    except ValueError:
        return False


def leads_here(url: str) -> bool:
    """False for what is no URL."""
    try:
        return is_loopback(urlsplit(url).hostname)
    except ValueError:
        return False
