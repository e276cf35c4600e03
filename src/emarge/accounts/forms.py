from django import forms
from django.utils.translation import gettext_lazy as _


class LoginForm(forms.Form):
    """A login and its password. The lengths only bound the work done for a stranger."""

    # The names are those that django-axes masks in what it keeps of a failed attempt.
    username = forms.CharField(
        label=_("Login"),
        max_length=254,
        widget=forms.TextInput(
            attrs={
                "class": "form-control",
                "autocomplete": "username",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"class": "form-control", "autocomplete": "current-password"}),
    )
