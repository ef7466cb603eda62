"""What the admin and error messages call things: models and their columns have Chinese names."""

from __future__ import annotations

import re

import pytest
from django.apps import apps

from tests.architecture.code import APPS

MODELS = [m for app in APPS for m in apps.get_app_config(app).get_models()]
CHINESE = r"[一-鿿]"


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m._meta.label)
def test_a_model_and_its_columns_have_chinese_names(model):
    columns = [*model._meta.fields, *model._meta.many_to_many]
    names = {f.name: str(f.verbose_name) for f in columns if f.name != "id"}
    names["the model"] = str(model._meta.verbose_name)

    assert {name: said for name, said in names.items() if not re.search(CHINESE, said)} == {}
