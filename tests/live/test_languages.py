# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""test_languages - what `make install` puts in place serves programs in C, Python, Go and Rust"""

import collections
import os
import pathlib
import re
import subprocess

from harness import BUILD, ROOT
from judge import check, equal, need, test
from test_annotations import annotations, of_kind, pairs

PAGE = ROOT / "user/annotate/README.md"


def installed(scene):
    """Installs to a folder of the scene; what a user's environment is with it."""
    need("make", "pkg-config", "python3")
    prefix = scene.path("installed")
    subprocess.run(["make", "install", f"BUILD={BUILD}", f"PREFIX={prefix}",
                    f"PYTHONDIR={prefix}/python"], cwd=ROOT, check=True, capture_output=True)
    return prefix, {**os.environ, "PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig",
                    "PYTHONPATH": f"{prefix}/python", "LD_LIBRARY_PATH": f"{prefix}/lib"}


def shown_on_the_page(language):
    """The programs in a language that the page for users shows."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.S)


def recorded(scene, prefix, env, *command):
    """Runs a program below the installed tracer: what it announced."""
    path = scene.path("a.trace")
    done = subprocess.run([f"{prefix}/bin/tracer", "-q", "-o", path, "--", *command], env=env,
                          capture_output=True, text=True, timeout=60, cwd=scene.dir, check=False)
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    return annotations(scene, path)


def build(scene, env, *command):
    done = subprocess.run(command, cwd=scene.dir, env=env, capture_output=True, text=True,
                          check=False)
    equal(done.returncode, 0, f"{command[0]} ({done.stderr})")


C_MAIN = """
int main(void)
{
	struct request request = { "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 3 };

	for (int i = 0; i < 10; i++)
		handle(&request);
	return 0;
}
"""


@test
def c_needs_nothing_but_what_pkg_config_says(scene):
    need("gcc")
    prefix, env = installed(scene)
    page = "\n".join(shown_on_the_page("c"))
    pathlib.Path(scene.path("main.c")).write_text(
        "struct request { const char *traceparent; int rows; };\n"
        "static void save(struct request *r) { r->rows++; }\n" + page + C_MAIN)
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "tracer"], env=env, check=True,
                           capture_output=True, text=True).stdout.split()
    equal(flags, [f"-I{prefix}/include"], "what pkg-config says")
    build(scene, env, "gcc", "-Wall", "-Wextra", "-Werror", "-O2", *flags, "-o", "main", "main.c")
    events = recorded(scene, prefix, env, scene.path("main"))
    tasks = pairs(events, "task_begin", "task_end", "task")
    equal([event["task_name"] for event, _ in tasks], ["checkout"] * 10, "tasks")
    equal([event["text"] for event in of_kind(events, "log")],
          [f"{i} rows" for i in range(4, 14)], "logs")


@test
def python_finds_its_module_and_that_its_library(scene):
    prefix, env = installed(scene)
    del env["LD_LIBRARY_PATH"]
    pathlib.Path(scene.path("main.py")).write_text(
        "import time, tracer\nassert tracer.available()\ntime.sleep(1)\n"
        "with tracer.task('checkout'):\n    tracer.log('%d rows', 3)\n")
    events = recorded(scene, prefix, env, "python3", scene.path("main.py"))
    equal([event["kind"] for event in events],
          ["task_begin", "task_enter", "log", "task_leave", "task_end"], "annotations")


GO_MAIN = """
func main() {
	for i := 0; i < 20; i++ {
		handle()
	}
}
"""


@test(seconds=240)
def go_announces_by_cgo(scene):
    need("go", "gcc")
    prefix, env = installed(scene)
    page = shown_on_the_page("go")[0].replace('import "C"', 'import "C"\nimport "runtime"')
    pathlib.Path(scene.path("main.go")).write_text("package main\n" + page + GO_MAIN)
    build(scene, {**env, "CGO_CFLAGS": f"-O2 -I{prefix}/include", "GOCACHE": scene.path("cache")},
          "go", "build", "-o", "main", "main.go")
    events = recorded(scene, prefix, env, scene.path("main"))
    equal([event["region"] for event, _ in pairs(events, "region_begin", "region_end", "tid")],
          ["save"] * 20, "regions")


@test(seconds=120)
def rust_announces_by_the_library(scene):
    need("rustc")
    prefix, env = installed(scene)
    pathlib.Path(scene.path("main.rs")).write_text(
        shown_on_the_page("rust")[0] + "fn main() { for _ in 0..400 {\n"
        "std::thread::sleep(std::time::Duration::from_millis(3));\n"
        "let _region = Region::new(c\"save\"); } }\n")
    build(scene, env, "rustc", "--edition", "2021", "-L", f"{prefix}/lib", "main.rs")
    events = recorded(scene, prefix, env, scene.path("main"))
    found = collections.Counter(event["region"] for event, _ in
                                pairs(events, "region_begin", "region_end", "tid"))
    # The library is known a moment after it was loaded.
    check(set(found) == {"save"} and found["save"] > 200, f"regions: {found}, in truth 400")


@test
def installed_sets_are_found_by_name_and_all_goes_again(scene):
    prefix, env = installed(scene)
    done = subprocess.run([f"{prefix}/bin/tracer", "-q", "--probes", "gc", "-o",
                           scene.path("b.trace"), "--", "true"], env=env, capture_output=True,
                          text=True, cwd=scene.dir, check=False)
    equal(done.returncode, 0, f"exit status ({done.stderr})")
    done = subprocess.run([f"{prefix}/bin/tracer", "-q", "--probes", "no-such-set", "-o",
                           scene.path("c.trace"), "--", "true"], env=env, capture_output=True,
                          text=True, cwd=scene.dir, check=False)
    equal(done.returncode, 1, "exit status for a set that is not there")
    check("hint:" in done.stderr and "gc" in done.stderr, f"no advice in {done.stderr}")
    subprocess.run(["make", "uninstall", f"BUILD={BUILD}", f"PREFIX={prefix}",
                    f"PYTHONDIR={prefix}/python"], cwd=ROOT, check=True, capture_output=True)
    equal([path for path in pathlib.Path(prefix).rglob("*") if not path.is_dir()], [],
          "files that stay")
