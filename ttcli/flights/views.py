"""How a camera sees points in space, with what is not known of the camera itself as further numbers."""

from typing import NamedTuple

import numpy as np

from ttcli.table.camera import TableCamera, landmarks

NUMBERS = 7
"""Numbers of a camera: a small turn about its own axes (right, down, forward), its place, and the logarithm of its
focal length."""
LANDMARK_ERROR = 1.5 / 1920
"""Picture widths, 1 sigma, of landmarks of the table where nobody says how sure a camera is."""
FOCAL_SPREAD = 0.5
"""1 sigma of the logarithm of the focal length, before anything is seen."""


class View(NamedTuple):
    """A camera, and how sure it is."""

    camera: TableCamera
    spread: np.ndarray
    """(NUMBERS, Q): what Q independent unit errors do to the camera's numbers; Q = 0 for one that is known exactly."""

    @classmethod
    def of(cls, camera: TableCamera, covariance: np.ndarray | None = None) -> "View":
        """Return the view of a camera whose numbers have a covariance (NUMBERS, NUMBERS); None: it is exact."""
        if covariance is None:
            return cls(camera, np.zeros((NUMBERS, 0)))
        values, vectors = np.linalg.eigh(covariance)
        kept = values > 1e-12 * max(values.max(), 1e-300)
        return cls(camera, vectors[:, kept] * np.sqrt(values[kept]))

    @staticmethod
    def usual_covariance(camera: TableCamera) -> np.ndarray:
        """Return the covariance (NUMBERS, NUMBERS) of a camera that was found by the corners of the table and the usual error."""
        exact = View(camera, np.eye(NUMBERS))
        places = landmarks()[0][:4].T  # (3, 4)
        sides = [exact.project(places, np.tile(sign * 1e-4 * unit, (4, 1))) for unit in np.eye(NUMBERS) for sign in (1, -1)]
        slopes = np.stack([(ahead - behind).ravel() / 2e-4 for ahead, behind in zip(sides[::2], sides[1::2], strict=True)], 1)
        slopes /= LANDMARK_ERROR * camera.width
        belief = np.diag([0.0] * (NUMBERS - 1) + [FOCAL_SPREAD**-2])
        return np.linalg.inv(slopes.T @ slopes + belief)

    def project(self, points: np.ndarray, errors: np.ndarray | None = None) -> np.ndarray:
        """Return the pixels (2, N, ...) of points (3, N, ...), seen with errors (N, Q) of the camera."""
        offset = points - self.camera.position.reshape(3, *[1] * (points.ndim - 1))
        small = None
        if errors is not None and self.spread.shape[1]:
            small = np.moveaxis(errors @ self.spread.T, -1, 0)  # (NUMBERS, N) or (NUMBERS, N, R)
            small = small.reshape(*small.shape, *[1] * (points.ndim - small.ndim))
            offset = offset - small[3:6]
        x, y, z = np.tensordot(self.camera.rotation, offset, 1)
        focal = self.camera.focal
        if small is not None:
            a, b, c = small[:3]  # of small angles: they are hundredths at the most
            x, y, z = x - c * y + b * z, c * x + y - a * z, -b * x + a * y + z
            focal = focal * np.exp(small[6])
        scale = focal / np.maximum(z, 1e-3)
        centre = self.camera.centre
        return np.stack([x * scale + centre[0], y * scale + centre[1]])
