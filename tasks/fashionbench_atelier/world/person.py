"""People: builds, skin, hair, faces and poses, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench_atelier.anatomy.body import Build, Pose

if TYPE_CHECKING:
    from fashionbench_atelier.world.palette import Rgb
    from fashionbench_atelier.world.rng import Rng

SKINS: tuple[Rgb, ...] = (
    (250, 222, 200),
    (243, 207, 179),
    (232, 188, 152),
    (214, 164, 122),
    (188, 134, 94),
    (158, 106, 72),
    (124, 80, 54),
    (92, 60, 44),
)
HAIR_COLOURS: tuple[Rgb, ...] = (
    (32, 26, 26),
    (58, 40, 30),
    (92, 60, 38),
    (134, 90, 50),
    (196, 152, 88),
    (226, 196, 140),
    (150, 66, 36),
    (158, 156, 156),
)
HAIRSTYLES: dict[str, tuple[str, ...]] = {
    "woman": ("bob", "long", "wavy", "bun", "ponytail", "afro", "pixie", "curls"),
    "man": ("buzz", "short", "quiff", "curls", "afro", "bald", "bun", "bob"),
}
SHOES: tuple[Rgb, ...] = ((36, 34, 36), (238, 236, 230), (120, 78, 48), (60, 70, 100), (196, 60, 60), (212, 186, 150))


@dataclass(frozen=True, slots=True)
class Person:
    """A person's build, looks and pose.

    :param id: number of the person in the world.
    :param figure: ``woman`` or ``man``; decides which build and which clothes are drawn.
    :param beard: how dark a beard is, 0 for none.
    :param face: small differences of the face: width, eyes, brows, mouth; each in [-1, 1].
    :param framing: ``upper`` (head to thigh, as in VITON-HD) or ``full`` (head to toe, as in Dress Code).
    """

    id: int
    figure: str
    build: Build
    pose: Pose
    skin: Rgb
    hairstyle: str
    hair: Rgb
    iris: Rgb
    shoes: Rgb
    beard: float
    face: tuple[float, float, float, float]
    framing: str


def draw_person(rng: Rng, identity: int, figure: str, framing: str) -> Person:
    """Draw a person."""
    skin = rng.pick(SKINS)
    darkness = SKINS.index(skin)
    # Very fair hair on very dark skin, and the reverse, is rare enough to leave out.
    hair = rng.pick(HAIR_COLOURS if darkness < 4 else HAIR_COLOURS[:3])
    return Person(
        id=identity,
        figure=figure,
        build=draw_build(rng, figure),
        pose=draw_pose(rng, figure),
        skin=skin,
        hairstyle=rng.pick(HAIRSTYLES[figure]),
        hair=hair,
        iris=rng.pick(((70, 46, 30), (60, 84, 60), (70, 100, 140), (44, 32, 26))),
        shoes=rng.pick(SHOES),
        beard=rng.between(0.15, 0.8) if figure == "man" and rng.chance(0.45) else 0.0,
        face=(rng.between(-1, 1), rng.between(-1, 1), rng.between(-1, 1), rng.between(-1, 1)),
        framing=framing,
    )


def draw_build(rng: Rng, figure: str) -> Build:
    """Draw a build: from slight to heavy, with its own shoulders, waist and hips."""
    weight = rng.around(0.0, 0.33)
    if figure == "man":
        return Build(
            shoulder=0.98 + 0.05 * weight + rng.between(-0.04, 0.04),
            chest=0.73 + 0.11 * weight,
            waist=0.63 + 0.18 * weight + rng.between(-0.02, 0.02),
            hip=0.68 + 0.11 * weight,
            limb=1.12 + 0.2 * weight,
            bust=0.0,
        )
    return Build(
        shoulder=0.85 + 0.05 * weight + rng.between(-0.03, 0.03),
        chest=0.64 + 0.12 * weight,
        waist=0.51 + 0.17 * weight + rng.between(-0.02, 0.02),
        hip=0.72 + 0.14 * weight + rng.between(-0.02, 0.03),
        limb=0.97 + 0.22 * weight,
        bust=rng.between(0.4, 1.0),
    )


def draw_pose(rng: Rng, figure: str) -> Pose:
    """Draw a standing pose: relaxed, hand on the hip, both, arms away, or walking."""
    arms, bends = [], []
    for _ in range(2):
        kind = rng.weighted({"hang": 5, "away": 2, "hip": 2.2 if figure == "woman" else 1.0, "bent": 1.4})
        low, high, bend_low, bend_high = {
            "hang": (7, 14, 0, 9),
            "away": (18, 27, 4, 22),
            "hip": (36, 42, 88, 98),
            "bent": (11, 18, 24, 46),
        }[kind]
        arms.append(rng.between(low, high))
        bends.append(rng.between(bend_low, bend_high))
    shift = rng.around(0.0, 0.045) if rng.chance(0.7) else 0.0
    stance = rng.between(1.5, 6.0)
    knees = rng.between(0.0, 4.0)
    relaxed = rng.between(2.0, 8.0) if rng.chance(0.5) else 0.0
    right_relaxed = rng.chance(0.5)
    return Pose(
        upper_arms=(arms[0], arms[1]),
        forearms=(bends[0], bends[1]),
        legs=(stance + relaxed * right_relaxed, stance + relaxed * (not right_relaxed)),
        knees=(knees + relaxed * right_relaxed, knees + relaxed * (not right_relaxed)),
        shift=shift,
        tilt=rng.around(0.0, 1.4) - 14.0 * shift,
        head=rng.around(0.0, 2.6),
    )
