"""What the forms of the secretariat share: the looks of their fields."""

from typing import Any

from django import forms


class StyledForm(forms.Form):
    """A form whose fields look like ours; those that were refused say so."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            select = isinstance(field.widget, forms.Select)
            invalid = self.is_bound and name in self.errors
            field.widget.attrs["class"] = ("form-select" if select else "form-control") + (
                " is-invalid" if invalid else ""
            )


def day_field(label: Any, *, required: bool = True) -> forms.DateField:
    """A day, as browsers offer them."""
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, widget=widget, required=required)
