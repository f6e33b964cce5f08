"""Two builds of one commit give the same image.  Each takes minutes, so `./dev nightly` runs this."""

from buildah import copy_of_the_source, running_buildah


def test_two_builds_in_two_folders_give_the_same_image(tmp_path):
    with running_buildah() as buildah:
        buildah.make_base("debian:12-slim")
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            copy_of_the_source(tmp_path / name)
            buildah.build(tmp_path / name, name, "--timestamp", "1700000000")

        assert buildah.digest("first") == buildah.digest("second")
