"""Windows to train on, read from a set that was extracted from labelled video."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ttcli.errors import InputError, LabelError, SettingError
from ttcli.networks.devices import usable_cores
from ttcli.networks.event_head import EVENTS
from ttcli.networks.model_input import SIZE_MULTIPLE
from ttcli.spotting.paths import soft_targets
from ttcli.training_set.folder import CLIPS_FOLDER
from ttcli.training_set.frame_cache import FrameCache
from ttcli.training_set.frame_store import CLIP_FILE, EXTRACT_AGAIN, FrameStore, read_clip
from ttcli.training_set.window_batch import BALL_IN_CROP, UNKNOWN_EVENT, WindowBatch
from ttcli.training_set.window_rows import WINDOWS_FILE, StoredWindow, read_windows

NEAR_CROP = 16.0
"""A ball whose centre lies outside of a crop by less than this many pixels may still show, or its streak may. It
leaves heat in the outermost cells: nothing is known of such a frame. Further out, there is no ball."""
MOST_THREADS = 8
OF_ORDER, OF_CROPS = 0, 1
"""What chance is used for: each use has numbers of its own."""


class StoredWindows:
    """An endless source of windows from an extracted set, shuffled anew each time that all have been handed out.

    Crops lie around the ball as often as in drawn windows (BALL_IN_CROP), but never leave the picture. Which window
    comes at a position, and how it is cropped, follows from the position and the seed alone.

    Args:
        data: Folder that `extract` wrote.
        split: "training", "validation" or "test"; frames of others are never read.
        window_size: Frames in a window, as many as the set was extracted with, or fewer: then those in the middle.
        height: Height of the crops, in stored pixels; None with `width` for whole pictures.
        width: Width of the crops, in stored pixels.
        seed: The same seed gives the same windows and crops in the same order.
        cache_bytes: Most memory for decoded pictures.
        device: Where the batches are put.

    Raises:
        InputError: No set, no windows of that split, or files are missing.
        LabelError: A file of the set does not hold what it should.
        SettingError: The set has windows of another size, or pictures smaller than the crops.
    """

    def __init__(
        self,
        data: Path,
        split: str,
        window_size: int,
        height: int | None,
        width: int | None,
        seed: int,
        cache_bytes: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        if (height is None) != (width is None):
            raise SettingError("crop height and width", "only one of them is given", "give both or neither")
        self.data, self.split, self.window_size = data, split, window_size
        self._crop_size = None if height is None or width is None else (height, width)  # None for whole pictures
        self.device = torch.device(device)
        self.position = 0
        """Number of the window that comes next, counted on over epochs."""
        self.run = 1
        """Windows that cost least when one source is asked for all of them: each stands alone."""
        self._clips, self._windows = _read_clips(data, split, window_size)
        self._check_sizes()
        self.cache: FrameCache[tuple[int, int]] = FrameCache(self._load, cache_bytes)
        self._seed = seed
        self._order_epoch, self._order = -1, np.empty(0, int)
        self._threads = ThreadPoolExecutor(min(MOST_THREADS, usable_cores()), thread_name_prefix="read windows")

    @property
    def picture_area(self) -> int:
        """Pixels of the largest stored pictures."""
        return max(clip.store.height * clip.store.width for clip in self._clips)

    @property
    def picture_height(self) -> int:
        """Height of the highest stored pictures."""
        return max(clip.store.height for clip in self._clips)

    @property
    def picture_width(self) -> int:
        """Width of the widest stored pictures."""
        return max(clip.store.width for clip in self._clips)

    @property
    def common_size(self) -> tuple[int, int]:
        """Height and width of the largest crop that every stored picture has room for, multiples of SIZE_MULTIPLE."""
        sizes = [(clip.store.height, clip.store.width) for clip in self._clips]
        height, width = (min(sides) // SIZE_MULTIPLE * SIZE_MULTIPLE for sides in zip(*sizes, strict=True))
        return height, width

    @property
    def frame_rates(self) -> tuple[float, float]:
        """Lowest and highest rate at which frames of a window follow each other, per second."""
        strides = {number: window.stride for number, window in self._windows}
        rates = [float(Fraction(self._clips[number].store.clip["frame_rate"])) / stride for number, stride in strides.items()]
        return round(min(rates), 3), round(max(rates), 3)

    @property
    def epoch(self) -> int:
        """How often all windows have been handed out."""
        return max(self.position - 1, 0) // len(self)

    def __len__(self) -> int:
        return len(self._windows)

    def seek(self, position: int) -> None:
        """Go on with the window of that number."""
        self.position = position

    def draw(self, count: int) -> WindowBatch:
        """Return the next windows.

        Raises:
            LabelError: A picture is damaged.
            SettingError: Whole pictures are asked for and clips have pictures of different sizes.
        """
        if self._crop_size is None and len(sizes := {(clip.store.height, clip.store.width) for clip in self._clips}) > 1:
            named = " and ".join(f"{height}x{width}" for height, width in sorted(sizes)[:2])
            raise SettingError(self.data, f"has pictures of {named}", "give crops, or extract all with one --size")
        positions = range(self.position, self.position + count)
        self.position += count
        generators = [np.random.default_rng([self._seed, OF_CROPS, position]) for position in positions]
        return self._batch([self._window_at(position) for position in positions], generators)

    def all_windows(self, batch: int = 16, most: int | None = None) -> Iterator[WindowBatch]:
        """Yield every window once, in order, the same crops each time; a batch ends where the picture's size changes.

        Args:
            batch: Most windows in a batch.
            most: Yield no more than these, spread evenly; None yields all.
        """
        count = min(len(self), most or len(self))
        numbers = [index * len(self) // count for index in range(count)]
        begin = 0
        while begin < count:
            size = self._size(numbers[begin])
            end = begin + 1
            while end < min(begin + batch, count) and self._size(numbers[end]) == size:
                end += 1
            part = numbers[begin:end]
            yield self._batch(part, [np.random.default_rng([self._seed, OF_CROPS, number]) for number in part])
            begin = end

    def _window_at(self, position: int) -> int:
        """Return the number of the window that comes at a position: each once in an epoch."""
        epoch, place = divmod(position, len(self))
        if epoch != self._order_epoch:
            self._order_epoch = epoch
            self._order = np.random.default_rng([self._seed, OF_ORDER, epoch]).permutation(len(self))
        return int(self._order[place])

    def _batch(self, numbers: list[int], generators: list[np.random.Generator]) -> WindowBatch:
        """Return windows by number, each cut as its generator says."""
        height, width = self._size(numbers[0])
        cuts = zip(numbers, generators, strict=True)
        crops = [self._crop(number, height, width, generator) for number, generator in cuts]
        frames = np.empty((len(crops), self.window_size, height, width, 3), np.uint8)
        places = range(self.window_size)
        jobs = [(crop, place, out[place]) for crop, out in zip(crops, frames, strict=True) for place in places]
        for _ in self._threads.map(self._fill, *zip(*jobs, strict=True)):
            pass  # raises what a thread raised
        labels = [_labels_in(crop, height, width) for crop in crops]
        columns = (torch.from_numpy(np.stack(column)) for column in zip(*labels, strict=True))
        tensors = (torch.from_numpy(frames), *columns)
        return WindowBatch(*(tensor.to(self.device) for tensor in tensors))

    def _size(self, number: int) -> tuple[int, int]:
        """Return height and width of what is handed out of a window."""
        store = self._clips[self._windows[number][0]].store
        return self._crop_size or (store.height, store.width)

    def _crop(self, number: int, height: int, width: int, generator: np.random.Generator) -> "_Crop":
        """Return where a window is cut: around the ball in its middle, or anywhere."""
        clip_number, window = self._windows[number]
        clip = self._clips[clip_number]
        held = window.frame_indexes(clip.store.window_size)
        begin = (len(held) - self.window_size) // 2
        rows = [clip.row_of[frame_index] for frame_index in held[begin : begin + self.window_size]]
        room = np.array([clip.store.width - width, clip.store.height - height])
        around = generator.random() < BALL_IN_CROP
        share = generator.random(2)
        ball = _ball_nearest_to_the_middle(clip, rows) if around else None
        if ball is None:
            corner = np.floor(share * (room + 1))
        else:
            corner = np.floor(ball + 0.5) - np.floor(share * [width, height])
        left, top = np.clip(corner, 0, room).astype(int).tolist()
        return _Crop(clip_number, clip, rows, left, top)

    def _fill(self, crop: "_Crop", place: int, out: np.ndarray) -> None:
        """Copy one frame of a crop to its place in a batch."""
        picture = self.cache.picture((crop.clip_number, crop.rows[place]))
        height, width, _ = out.shape
        out[:] = picture[crop.top : crop.top + height, crop.left : crop.left + width]

    def _load(self, key: tuple[int, int]) -> np.ndarray:
        clip_number, row = key
        store = self._clips[clip_number].store
        return store.picture(store.frame_indexes[row])

    def _check_sizes(self) -> None:
        if self._crop_size is None:
            return
        height, width = self._crop_size
        for clip in self._clips:
            store = clip.store
            if height > store.height or width > store.width:
                fact = f"its pictures of {store.height}x{store.width} are smaller than crops of {height}x{width}"
                raise SettingError(store.folder, fact, "take smaller crops, or extract with a larger --size")


class _Clip(NamedTuple):
    """One clip and its labels in stored pixels, a row for each of N stored frames."""

    store: FrameStore
    row_of: dict[int, int]
    """Row by frame index."""
    positions: np.ndarray
    """(N, 2) float32, x then y; 0 where not visible."""
    visible: np.ndarray
    """(N,) bool."""
    known: np.ndarray
    """(N,) bool."""
    events: np.ndarray
    """(N, 2) float32, how probably an event is to be seen; UNKNOWN_EVENT where nobody labelled any."""


class _Crop(NamedTuple):
    """A part of a window that is handed out."""

    clip_number: int
    clip: _Clip
    rows: list[int]
    """Rows of the window's frames in the clip."""
    left: int
    top: int


def _read_clips(data: Path, split: str, window_size: int) -> tuple[list[_Clip], list[tuple[int, StoredWindow]]]:
    """Return the clips that have windows of a split, and these windows with the number of their clip."""
    clips: list[_Clip] = []
    windows: list[tuple[int, StoredWindow]] = []
    for folder in _clip_folders(data):
        of_clip = read_windows(folder)
        of_split = [window for window in of_clip if window.split == split]
        if of_split:
            store = FrameStore(folder)
            _check_windows(store, of_clip, window_size)
            windows += [(len(clips), window) for window in of_split]
            clips.append(_read_clip_labels(store))
    if not windows:
        raise InputError(data, f"has no windows for {split}", "extract more clips, or with other splits")
    return clips, windows


def _clip_folders(data: Path) -> list[Path]:
    """Return the folders of complete clips by name; one that is being written begins with a dot."""
    try:
        folders = sorted(path for path in (data / CLIPS_FOLDER).iterdir() if path.is_dir())
    except OSError as error:
        cure = "give the folder that `ttcli extract` wrote"
        raise InputError(data, f"is no extracted set (no folder {CLIPS_FOLDER})", cure) from error
    return [folder for folder in folders if not folder.name.startswith(".")]


def _check_windows(store: FrameStore, windows: list[StoredWindow], window_size: int) -> None:
    """Raise where windows are of another size, name frames that are not stored, or splits share a frame."""
    if store.window_size < window_size:
        fact = f"has windows of {store.window_size} frames, and the network takes {window_size}"
        raise SettingError(store.folder, fact, f"extract with --window {window_size}, or take another network")
    place = store.folder / WINDOWS_FILE
    stored, split_of = set(store.frame_indexes), dict[int, str]()
    for window in windows:
        for frame_index in window.frame_indexes(store.window_size):
            if frame_index not in stored:
                raise LabelError(place, f"a window needs frame {frame_index}, which is not stored", EXTRACT_AGAIN)
            if split_of.setdefault(frame_index, window.split) != window.split:
                fact = f"frame {frame_index} is of {split_of[frame_index]} and of {window.split}"
                raise LabelError(place, fact, EXTRACT_AGAIN)


def _read_clip_labels(store: FrameStore) -> _Clip:
    count = len(store.frame_indexes)
    positions = np.zeros((count, 2), np.float32)
    visible, known = np.zeros(count, bool), np.zeros(count, bool)
    scale = np.array([store.width / store.source_width, store.height / store.source_height])
    row_of = {frame_index: row for row, frame_index in enumerate(store.frame_indexes)}
    for frame_index, label in store.labels.items():
        row = row_of[frame_index]
        known[row], visible[row] = True, label.visible
        if label.visible:
            # Pixel centres lie on whole numbers: the border at -0.5 stays where it is.
            positions[row] = (np.array([label.x, label.y]) + 0.5) * scale - 0.5
    return _Clip(store, row_of, positions, visible, known, _read_clip_events(store))


def _read_clip_events(store: FrameStore) -> np.ndarray:
    """Return the wanted probability of EVENTS at each stored frame, (N, 2)."""
    labelled = store.clip.get("event_frames", {})  # sets of before do not have it
    frames = np.array(store.frame_indexes, float)
    wanted = np.full((len(frames), len(EVENTS)), UNKNOWN_EVENT, np.float32)
    try:
        for kind, name in enumerate(EVENTS):
            if labelled.get(name):
                rate = float(Fraction(store.clip["frame_rate"]))
                wanted[:, kind] = soft_targets(frames / rate, np.array(labelled[name], float) / rate)
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise LabelError(store.folder / CLIP_FILE, "event_frames or frame_rate is damaged", EXTRACT_AGAIN) from error
    return wanted


def check_events(data: Path) -> None:
    """Raise SettingError where no clip of a set has labels of events to learn."""
    if not any(read_clip(folder).get("event_frames") for folder in _clip_folders(data)):
        cure = "extract it again from videos that have such labels, without --no-events"
        raise SettingError("--event-head", f"{data} holds no bounces and no net crossings", cure)


def _ball_nearest_to_the_middle(clip: _Clip, rows: list[int]) -> np.ndarray | None:
    """Return the ball's position in the frame nearest to the window's middle that shows one, or None."""
    middle = len(rows) // 2
    places = [place for place, row in enumerate(rows) if clip.visible[row]]
    if not places:
        return None
    return clip.positions[rows[min(places, key=lambda place: abs(place - middle))]]


def _labels_in(crop: _Crop, height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return positions (T, 2) in pixels of a crop, visible and known (T,), and events (T, 2) of its frames."""
    clip = crop.clip
    positions = clip.positions[crop.rows] - np.array([crop.left, crop.top], np.float32)
    visible, known = clip.visible[crop.rows], clip.known[crop.rows]
    border = np.array([width, height], np.float32) - 0.5
    outside = np.maximum(-0.5 - positions, positions - border).max(-1)  # in pixels, negative inside
    hides = visible & (outside >= 0)
    known = known & ~(hides & (outside < NEAR_CROP))
    visible = visible & ~hides
    return np.where(visible[:, None], positions, 0).astype(np.float32), visible, known, clip.events[crop.rows]
