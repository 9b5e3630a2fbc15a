"""The picture by which anyone sees whether a table is right."""

import cv2
import numpy as np
import pytest
from scenes import true_cameras
from video_files import write_numbered

from ttcli.errors import OutputError
from ttcli.rendering.table_picture import check_table_picture, draw_table, write_table_picture
from ttcli.table.camera import landmarks
from ttcli.table.views import NoTable, TableView
from ttcli.video.probe import probe

CAMERA = true_cameras(1, seed=3)[0]


def test_lines_are_drawn_where_the_camera_sees_them():
    picture = np.zeros((540, 960, 3), np.uint8)
    draw_table(picture, CAMERA, 0.5)
    corners = landmarks()[0][:4]
    for middle in (corners[[0, 1]].mean(0), corners[[0, 2]].mean(0)):
        x, y = (CAMERA.project(middle) + 0.5) * 0.5 - 0.5
        assert picture[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2, 0].max() > 150


def test_a_tile_for_each_stretch_also_for_those_without_a_table(tmp_path):
    info = probe(write_numbered(tmp_path / "a.mp4"))
    views = [TableView(0.0, 0.4, CAMERA, (), 2.0, 0.8), NoTable(0.4, 0.9, "no table is seen")]
    path = tmp_path / "table.png"
    assert write_table_picture(info, views, 0.9, path) == 2
    assert cv2.imread(str(path)).shape[1] == 1280
    with pytest.raises(OutputError):
        write_table_picture(info, views, 0.9, path)
    assert write_table_picture(info, [], 0.9, tmp_path / "none.jpg") == 0
    with pytest.raises(OutputError, match="no name of a picture"):
        check_table_picture(tmp_path / "table.txt")
