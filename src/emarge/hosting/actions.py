from django.db import transaction
from django.utils.translation import gettext_lazy as _

from emarge.hosting.models import Base, HostingAccount, Planning
from emarge.lib.refusal import Refused


@transaction.atomic
def create_base(account_name: str, planning_name: str, base_name: str, domain: str | None = None) -> Base:
    """Make a base, and its account and planning when they are not there.

    Refused when the planning has one of that name, or when the domain is another base's.
    """
    account, _made = HostingAccount.objects.get_or_create(name=account_name)
    planning, _made = Planning.objects.get_or_create(account=account, name=planning_name)
    if Base.objects.filter(planning=planning, name=base_name).exists():
        raise Refused("base_exists", _("There is a base %(name)s already.") % {"name": base_name})
    if domain is not None and Base.objects.filter(domain=domain.lower()).exists():
        raise Refused("domain_taken", _("The domain %(domain)s is taken.") % {"domain": domain})
    return Base.objects.create(planning=planning, name=base_name, domain=domain and domain.lower())
