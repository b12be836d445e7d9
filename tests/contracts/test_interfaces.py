# SPDX-License-Identifier: Apache-2.0
"""House rules on interfaces, for each one that exists: metadata, units, lists, pickling."""

import itertools
import pickle
import re

import pytest
from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    InputMultiObject,
    OutputMultiObject,
    TraitedSpec,
    traits,
)
from traits.api import CTrait

from .conftest import interface_classes

KNOWN_METADATA = {
    # Nipype's own words. It ignores all others without a sound, so a slip of the pen
    # (exist=, dec=, min=) would switch a check off.
    *("allowed_types", "copyfile", "deprecated", "desc", "hash_files", "mandatory", "new_name"),
    *("nohash", "requires", "usedefault", "xor"),
    # What the trait types set by themselves.
    *("array", "copy", "default", "extensions", "instance_handler", "parent"),
    *("rich_compare", "type"),
}

UNITS = {
    r"t_rs?": r"\bs(econds?)?\b",
    r".*_fwhm": r"\bmm\b|\bmillimet",
    r"(low|high)_pass": r"\bHz\b",
    r".*_mb": r"\bMB\b|\bmegabyte",
    r".*_gb": r"\bGB\b|\bgigabyte",
}
"""For names of traits, what their description has to say."""


def own_traits(spec, base):
    """Return the traits of a spec that Nipype did not put there."""
    inherited = set(base().traits())
    return {name: trait for name, trait in spec().traits().items() if name not in inherited}


def all_traits(interface):
    """Return the package's own input and output traits of an interface, by name."""
    found = {
        f"inputs.{name}": trait
        for name, trait in own_traits(interface.input_spec, BaseInterfaceInputSpec).items()
    }
    if interface.output_spec is not None:
        outputs = own_traits(interface.output_spec, TraitedSpec)
        found |= {f"outputs.{name}": trait for name, trait in outputs.items()}
    return found


def trait_types(trait):
    """Yield a trait's type and those of the traits within it."""
    # A compound (traits.Either) holds bare types, everything else holds them wrapped.
    wrapped = isinstance(trait, CTrait)
    handler = trait.trait_type if wrapped else trait
    yield handler
    inner = [getattr(handler, name, None) for name in ("handlers", "types")]
    if wrapped:
        inner.append(trait.inner_traits)
    for child in itertools.chain.from_iterable(group or () for group in inner):
        yield from trait_types(child)


def test_interfaces_are_found():
    assert {cls.__name__ for cls in interface_classes()} >= {"ExtractSignals", "CleanSignals"}


def test_metadata_is_known(interface):
    unknown = {
        f"{name}: {key}"
        for name, trait in all_traits(interface).items()
        for handler in trait_types(trait)
        for key in (getattr(handler, "_metadata", None) or {})
        if key not in KNOWN_METADATA
    }
    assert not unknown, f"Nipype does not know, and ignores: {sorted(unknown)}"


def test_every_trait_is_described(interface):
    silent = [
        name for name, trait in all_traits(interface).items() if not (trait.desc or "").strip()
    ]
    assert not silent


def test_descriptions_name_the_units(interface):
    for path, trait in all_traits(interface).items():
        for pattern, unit in UNITS.items():
            if re.fullmatch(pattern, path.split(".")[1]):
                assert re.search(unit, trait.desc), f"{path} says no unit: {trait.desc!r}"


def test_mandatory_stands_on_the_outer_trait(interface):
    hidden = [
        name
        for name, trait in all_traits(interface).items()
        for handler in list(trait_types(trait))[1:]
        if "mandatory" in (getattr(handler, "_metadata", None) or {})
    ]
    assert not hidden, f"mandatory has no effect inside a list or union: {hidden}"


def test_a_list_of_one_stays_a_list(interface):
    """Nipype's multi-objects turn a list of one into a scalar."""
    multi = (InputMultiObject, OutputMultiObject)
    changed = [
        name
        for name, trait in all_traits(interface).items()
        if name.startswith("outputs.") and isinstance(trait.trait_type, multi)
    ]
    assert not changed


def test_names_of_lists_are_plural(interface):
    wrong = [
        name
        for name, trait in all_traits(interface).items()
        if isinstance(trait.trait_type, traits.List) and name.endswith("_file")
    ]
    assert not wrong


def test_pickles(interface):
    node = interface()
    again = pickle.loads(pickle.dumps(node))
    assert type(again) is interface
    assert again.inputs.get_hashval() == node.inputs.get_hashval()


def test_public_names_are_unique():
    names = [cls.__name__ for cls in interface_classes()]
    assert len(set(names)) == len(names)


def test_specs_are_private_or_shared(interface):
    """A spec is its interface's own business; a public one is a base that several share."""
    for spec in (interface.input_spec, interface.output_spec):
        if spec is not None and not spec.__name__.startswith("_"):
            shared = [cls for cls in interface_classes() if issubclass(cls.input_spec, spec)]
            shared += [
                cls
                for cls in interface_classes()
                if cls.output_spec is not None and issubclass(cls.output_spec, spec)
            ]
            assert len(shared) > 1, (
                f"{spec.__name__} serves one interface: name it _{spec.__name__}"
            )


@pytest.mark.parametrize("word", ["exist", "dec", "min"])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: inner,
        lambda inner: traits.Union(None, traits.List(inner)),
        lambda inner: traits.Either(None, inner),
        lambda inner: traits.Tuple(inner, traits.Float()),
        lambda inner: traits.Dict(traits.Str(), inner),
    ],
    ids=["bare", "union", "either", "tuple", "dict"],
)
def test_slips_of_the_pen_are_seen(word, wrap):
    """The walk itself finds what Nipype swallows, inside other traits too."""

    class Spec(TraitedSpec):
        inside = wrap(traits.Int(**{word: True}))

    keys = {
        key
        for handler in trait_types(Spec().traits()["inside"])
        for key in (getattr(handler, "_metadata", None) or {})
    }
    assert keys - KNOWN_METADATA == {word}
