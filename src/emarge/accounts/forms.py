from django import forms
from django.utils.translation import gettext_lazy as _


class LoginForm(forms.Form):
    """A login and its password, and whether the phone is the person's own. The lengths bound a stranger's work."""

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
    stay = forms.BooleanField(
        label=_("Stay logged in on this phone"),
        help_text=_("For students, on a phone of their own. Never on a computer that others use."),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input", "aria-describedby": "id_stay_help"}),
    )
