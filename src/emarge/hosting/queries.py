from emarge.hosting.models import Base


def base_for_host(host: str) -> Base | None:
    """The base that answers at a host name: the one of that domain, else the only base there is."""
    name = host.rsplit(":", 1)[0].lower() if not host.startswith("[") else host
    base = Base.objects.filter(domain=name).first()
    if base is not None:
        return base
    first_two = list(Base.objects.filter(domain=None)[:2])
    return first_two[0] if len(first_two) == 1 else None
