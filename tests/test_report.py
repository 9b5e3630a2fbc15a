"""`ttcli report` writes the page where it is told, and refuses to replace one."""

from click.testing import CliRunner
from reported_matches import write_match

from ttcli.cli import main


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_the_page_lies_beside_the_match_unless_told_otherwise(tmp_path):
    ball = write_match(tmp_path, 3)
    result = run("report", ball)
    assert result.exit_code == 0 and result.stdout.startswith(f"{tmp_path / 'ball.html'}: 1 match, 3 rallies, 0.")
    assert "no video of it is found" in result.stderr and result.stderr.count("\n") == 1
    again = run("report", ball)
    assert again.exit_code == 1 and "exists already" in again.stderr
    assert run("report", ball, "--overwrite", "--title", "Final").exit_code == 0
    assert "<title>Final</title>" in (tmp_path / "ball.html").read_text()


def test_a_video_stands_for_its_csv(tmp_path):
    from ball_videos import ball_picture, write_video

    write_match(tmp_path, 2)
    (tmp_path / "ball.mp4").unlink(missing_ok=True)
    write_video(tmp_path / "ball.mp4", (ball_picture(64, 96, (40, 30)) for _ in range(5)))
    (tmp_path / "pages").mkdir()
    result = run("report", tmp_path / "ball.mp4", "-o", tmp_path / "pages" / "r.html")
    assert (result.exit_code, result.stderr) == (0, "")
    assert 'data-video="../ball.mp4"' in (tmp_path / "pages" / "r.html").read_text()
