# SPDX-License-Identifier: Apache-2.0
"""What authors of pipelines do with the builders and interfaces, as Nipype lets them."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from nipype import Function, MapNode, Node, Workflow
from nipype.interfaces.io import DataSink, SelectFiles
from nipype.interfaces.utility import IdentityInterface

from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.interfaces import CleanSignals, ExtractSignals, FitMaps
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.signals import read_signals
from nipype_mapsmasker.plugins import MultiProcPlugin
from nipype_mapsmasker.workflows import init_cohort_wf, init_run_wf, replace_step
from tests.tiny import make_tiny, set_inputs


def halve(in_file):
    from pathlib import Path

    import numpy as np

    names, *_ = Path(in_file).read_text().splitlines()
    out_file = Path.cwd() / "halved.tsv"
    halved = np.loadtxt(in_file, skiprows=1, ndmin=2) / 2
    np.savetxt(out_file, halved, header=names, comments="", delimiter="\t", fmt="%.17g")
    return str(out_file)


def of_one_run(tiny, **parameters):
    workflow = init_run_wf(**({"reports": False} | parameters))
    workflow.inputs.inputnode.in_file = tiny.in_files[0]
    workflow.inputs.inputnode.maps_img = tiny.maps_file
    return workflow


# The name of a run


def under_iterables(tiny, folder, images, **parameters):
    """Run the masker of one run once per image, as iterables do."""
    masker = init_run_wf(out_dir=folder / "out", reports=False, **parameters)
    masker.inputs.inputnode.maps_img = tiny.maps_file
    subject = Node(IdentityInterface(fields=["image"]), name="subject")
    subject.iterables = ("image", images)
    study = Workflow("study", base_dir=str(folder / "work"))
    study.config = masker.config
    study.config["execution"]["crashdump_dir"] = str(folder / "crashes")
    study.connect(subject, "image", masker, "inputnode.in_file")
    study.run()


def test_runs_under_iterables_are_named_after_their_images(tiny, tmp_path):
    under_iterables(tiny, tmp_path, tiny.in_files)
    for run_id in tiny.run_ids:
        assert run_files(tmp_path / "out", run_id).timeseries("maps", "", "tsv").exists()
    assert [row["run_id"] for row in read_rows(tmp_path / "out" / "runs.tsv")] == tiny.run_ids


def test_images_that_do_not_say_whose_they_are_are_refused(tiny, tmp_path):
    images = []
    for number in (1, 2):
        path = tmp_path / str(number) / "bold.nii.gz"
        path.parent.mkdir()
        path.write_bytes(Path(tiny.in_files[0]).read_bytes())
        images.append(str(path))
    with pytest.raises(RuntimeError, match="2 raised") as caught:
        under_iterables(tiny, tmp_path, images)
    assert re.search(r"run_id is not set, and .*bold\.nii\.gz has no", str(caught.value.__cause__))
    assert not list((tmp_path / "out").rglob("*.tsv"))


def test_without_a_result_folder_any_image_will_do(tiny, run, tmp_path):
    image = tmp_path / "bold.nii.gz"
    image.write_bytes(Path(tiny.in_files[0]).read_bytes())
    workflow = of_one_run(tiny)
    workflow.inputs.inputnode.in_file = str(image)
    assert run(workflow)["clean"].result.outputs.fault_file is None


# Shapes of what is handed over


@pytest.mark.parametrize("shape", [list, tuple, np.array, Path, str])
def test_one_run_in_any_shape(tiny, run, tmp_path, monkeypatch, shape):
    monkeypatch.chdir(tiny.folder)
    wrapped = {list: lambda v: [v], tuple: lambda v: (v,), np.array: lambda v: np.array([v])}
    wrap = wrapped.get(shape, shape)
    workflow = init_run_wf(reports=False)
    inputs = workflow.inputs.inputnode
    inputs.in_file = wrap(Path(tiny.in_files[0]).name)  # relative to the current folder
    inputs.maps_img = wrap(tiny.maps_file)
    inputs.labels_files = wrap(tiny.labels_file)
    inputs.confounds_files = wrap(tiny.confounds_files[0])
    inputs.sample_mask_file = wrap(tiny.sample_mask_files[0])
    inputs.mask_img = wrap(tiny.mask_file)
    inputs.t_r = 2
    nodes = run(workflow)
    signals, names = read_signals(nodes["clean"].result.outputs.out_file)
    assert (signals.shape, list(names)) == ((37, 3), ["one", "two", "three"])


def test_a_cohort_of_one_as_bare_values(tiny, run, monkeypatch):
    monkeypatch.chdir(tiny.folder)
    workflow = init_cohort_wf(reports=False)
    inputs = workflow.inputs.inputnode
    inputs.run_ids = tiny.run_ids[0]
    inputs.in_files = Path(tiny.in_files[0]).name
    inputs.confounds_files = Path(tiny.confounds_files[0])
    inputs.maps_img = Path(tiny.maps_file)
    (extracted,) = run(workflow)["extract"].result.outputs.signals_files
    assert len(extracted) == 1


def test_arrays_of_names_for_a_cohort(tiny, run):
    workflow = init_cohort_wf(reports=False)
    inputs = workflow.inputs.inputnode
    inputs.run_ids = np.array(tiny.run_ids)
    inputs.in_files = np.array(tiny.in_files)
    inputs.confounds_files = tuple(Path(path) for path in tiny.confounds_files)
    inputs.t_rs = np.array([2, 2, 2])
    inputs.maps_img = tiny.maps_file
    assert len(run(workflow)["clean"].result.outputs.out_file) == 3


@pytest.mark.parametrize(
    ("field", "value", "match"),
    [
        ("in_file", 3, "in_file takes the path of a file; got 3"),
        ("in_file", ["/a", "/b"], "in_file takes one file; got 2 entries"),
        ("maps_img", ["/a", "/b"], "maps_img has 2 entries, and there are 1 atlases"),
        ("maps_img", [], "neither an image in maps_img nor a fit in operator_files"),
        ("t_r", "two", "t_r takes numbers; got 'two'"),
        ("run_id", 7, "run_id takes texts; got 7"),
        ("in_file", None, "in_file is None"),
    ],
)
def test_what_cannot_be_meant_names_the_field(tiny, run, field, value, match):
    workflow = of_one_run(tiny)
    setattr(workflow.inputs.inputnode, field, value)
    with pytest.raises((ParameterError, RuntimeError, Exception), match=match):
        run(workflow)


# Steps on their own


def test_steps_connect_directly(tiny, tmp_path):
    fit = Node(FitMaps(maps_file=tiny.maps_file, reference_file=tiny.in_files[0]), name="fit")
    extract = Node(ExtractSignals(in_file=tiny.in_files[0]), name="extract")
    clean = Node(CleanSignals(detrend=True), name="clean")
    workflow = Workflow("direct", base_dir=str(tmp_path))
    workflow.connect(
        [
            (fit, extract, [("operator_file", "operator_files")]),
            (extract, clean, [("signals_file", "signals_file")]),
        ]
    )
    nodes = {node.name: node for node in workflow.run().nodes()}
    signals, _ = read_signals(nodes["clean"].result.outputs.out_file)
    np.testing.assert_allclose(signals.mean(axis=0), 0, atol=1e-9)


def test_several_atlases_have_no_single_output(tiny, tmp_path):
    fit = FitMaps(maps_file=tiny.maps_file, reference_file=tiny.in_files[0])
    operator = fit.run(cwd=tmp_path).outputs.operator_file
    extract = ExtractSignals(in_file=tiny.in_files[0], operator_files=[operator, operator])
    outputs = extract.run(cwd=tmp_path).outputs
    assert len(outputs.signals_files) == 2
    assert "signals_file" not in outputs.get_traitsfree()


def test_runs_share_a_fit(tiny, run, tmp_path):
    fit = FitMaps(maps_file=tiny.maps_file, reference_file=tiny.in_files[0], smoothing_fwhm=6)
    operator = fit.run(cwd=tmp_path).outputs.operator_file
    shared = of_one_run(tiny, smoothing_fwhm=6.0)
    shared.inputs.inputnode.maps_img = None
    shared.inputs.inputnode.operator_files = operator
    own = of_one_run(tiny, smoothing_fwhm=[6, 6, 6])
    with_shared = run(shared, base_dir=tmp_path / "shared")
    with_own = run(own, base_dir=tmp_path / "own")
    files = [nodes["clean"].result.outputs.out_file for nodes in (with_shared, with_own)]
    assert Path(files[0]).read_bytes() == Path(files[1]).read_bytes()
    assert with_shared["fit_maps"].result.outputs.operator_file == operator


# What follows


@pytest.mark.parametrize("plugin", ["Linear", "MultiProc", "ours"])
@pytest.mark.parametrize("remove", [False, True])
def test_results_go_into_a_data_sink(tiny, tmp_path, plugin, remove):
    masker = of_one_run(tiny, out_dir=tmp_path / "out", atlases=["a", "b"])
    masker.inputs.inputnode.maps_img = [tiny.maps_file, tiny.maps_file]
    sink = Node(DataSink(base_directory=str(tmp_path / "sink")), name="sink")
    study = Workflow("study", base_dir=str(tmp_path / "work"))
    study.config = masker.config
    study.config["execution"]["remove_node_directories"] = remove
    outputs = ("fault_file", "timeseries_files", "mean_file", "operator_files", "report_files")
    study.connect(
        [(masker, sink, [(f"outputnode.{name}", f"all.@{name}") for name in outputs[:4]])]
    )
    study.run(plugin=MultiProcPlugin(plugin_args={"n_procs": 2}) if plugin == "ours" else plugin)
    found = sorted(path.name for path in (tmp_path / "sink").rglob("*.*"))
    assert {"mean.nii.gz", "operator.npz"} < set(found)
    assert [Path(name).suffix for name in found].count(".tsv") == 1
    assert len(found) == 3
    assert len(read_rows(tmp_path / "out" / "runs.tsv")) == 1
    assert (tmp_path / "out" / "atlas-a_maps.tsv").exists()


def test_a_failed_run_goes_into_a_data_sink_as_its_fault(tiny, tmp_path):
    masker = of_one_run(tiny, on_error="record")
    masker.inputs.inputnode.in_file = tmp_path / "sub-01_bold.nii"
    sink = Node(DataSink(base_directory=str(tmp_path / "sink")), name="sink")
    study = Workflow("study", base_dir=str(tmp_path / "work"))
    study.config = masker.config
    outputs = ("fault_file", "timeseries_files", "mean_file", "signals_files")
    study.connect([(masker, sink, [(f"outputnode.{name}", f"@{name}") for name in outputs])])
    study.run()
    assert [path.name for path in (tmp_path / "sink").rglob("*.*")] == ["fault.json"]


@pytest.mark.parametrize("reports", [False, True])
def test_own_cleaning_in_one_run(tiny, run, tmp_path, reports):
    workflow = of_one_run(tiny, out_dir=tmp_path / "out", reports=reports)
    own = Node(Function(function=halve), name="own")
    replace_step(
        workflow, "clean", own, inputs={"signals_file": "in_file"}, outputs={"out_file": "out"}
    )
    run(workflow)
    names = run_files(tmp_path / "out", tiny.run_ids[0])
    raw, _ = read_signals(names.raw("maps"))
    kept, _ = read_signals(names.timeseries("maps", "", "tsv"))
    np.testing.assert_array_equal(kept, raw / 2)
    assert names.report("maps", "").exists() == reports


def test_own_cleaning_in_a_cohort_with_a_bad_run(tiny, run, tmp_path):
    workflow = init_cohort_wf(out_dir=tmp_path / "out", reports=True)
    set_inputs(workflow, tiny)
    own = MapNode(Function(function=halve), iterfield=["in_file"], name="own")
    replace_step(
        workflow, "clean", own, inputs={"signals_file": "in_file"}, outputs={"out_file": "out"}
    )
    run(workflow)
    assert [row["status"] for row in read_rows(tmp_path / "out" / "runs.tsv")] == ["done"] * 3
    assert (tmp_path / "out" / "report.html").exists()


def test_replacing_a_step_that_is_not_there_is_refused(tiny):
    with pytest.raises(ParameterError, match=r"no step called 'wash'; it has .*clean"):
        replace_step(of_one_run(tiny), "wash", None, inputs={}, outputs={})
    with pytest.raises(ParameterError, match="'clean' has no field 'out'"):
        replace_step(of_one_run(tiny), "clean", None, inputs={}, outputs={"out": "out"})


# Habits of methods sections and of the command line


def test_workflows_describe_themselves():
    text = init_run_wf(smoothing_fwhm=6, low_pass=0.1, high_pass=0.01, standardize=True).__desc__
    assert "6 mm FWHM" in text
    assert "above 0.01 Hz and below 0.1 Hz" in text
    assert "unit sample variance" in text
    assert "doi:10.1002/hbm.24528" in text
    two = {"a": {"filter": "cosine", "high_pass": 0.008}, "b": {}}
    text = init_cohort_wf(strategies=two, high_variance_confounds=True).__desc__
    assert "(strategy a) were freed of drifts below 0.008 Hz" in text
    assert "Behzadi" in text


@pytest.mark.parametrize("interface", [FitMaps, ExtractSignals, CleanSignals])
def test_interfaces_name_their_references(interface):
    assert all(set(one) >= {"entry", "description", "tags"} for one in interface._references)
    assert all(one["description"] for one in interface._references)


def test_nipypecli_runs_the_main_steps(tiny, tmp_path):
    def call(name, *words):
        command = [str(Path(sys.executable).with_name("nipypecli")), "run"]
        command += ["nipype_mapsmasker.interfaces", name, *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    call("FitMaps", "--reference_file", tiny.in_files[0], tiny.maps_file)
    call("ExtractSignals", tiny.in_files[0], str(tmp_path / "operator.npz"))
    (signals,) = tmp_path.glob("signals*.tsv")
    words = ["--detrend", "--low_pass", "0.1", "--t_r", "2"]
    call("CleanSignals", *words, str(signals))
    call("HighVarianceConfounds", tiny.in_files[0])
    call("InverseTransform", tiny.maps_file, str(signals))
    call("ResampleImage", "--reference_file", tiny.in_files[1], tiny.in_files[0])


def test_select_files_with_one_hit_and_with_several(tiny, tmp_path):
    select = Node(
        SelectFiles({"bold": "*_bold.nii.gz"}, base_directory=str(tiny.folder)), name="s"
    )
    masker = init_cohort_wf(reports=False, name="masker")
    masker.inputs.inputnode.run_ids = tiny.run_ids
    masker.inputs.inputnode.maps_img = tiny.maps_file
    study = Workflow("study", base_dir=str(tmp_path / "work"))
    study.config = masker.config
    study.connect(select, "bold", masker, "inputnode.in_files")
    nodes = {node.name: node for node in study.run().nodes()}
    assert len(nodes["extract"].result.outputs.signals_files) == 3
    one = make_tiny(tmp_path / "one", grids=(0,))
    select.inputs.base_directory = str(one.folder)
    masker.inputs.inputnode.run_ids = "only"
    study.base_dir = str(tmp_path / "work-one")
    nodes = {node.name: node for node in study.run().nodes()}
    assert len(nodes["extract"].result.outputs.signals_files) == 1
