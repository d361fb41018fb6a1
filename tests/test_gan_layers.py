"""Pieces of the image GAN, each against its paper's formula."""

import copy
import math
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='needs the train extra: pip install "feedsmith[train]"')

from feedsmith.images.gan.train import layers, progressive  # noqa: E402
from feedsmith.images.gan.train.augment import augmented, followed  # noqa: E402
from feedsmith.images.gan.train.compact import Generator as Gated  # noqa: E402
from feedsmith.images.gan.train.compact import Projected, Styled  # noqa: E402
from feedsmith.images.gan.train.config import Config, resolve  # noqa: E402
from feedsmith.images.gan.train.dice import Dice  # noqa: E402
from feedsmith.images.gan.train.encoder import Encoder  # noqa: E402
from feedsmith.images.gan.train.progressive import (  # noqa: E402
    Discriminator,
    Generator,
    Stage,
    faded,
    maps_at,
    penalty,
)


@pytest.fixture(autouse=True)
def same_draws() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


# ---- Karras et al. 2018 --------------------------------------------------------------------------


@pytest.mark.parametrize(("into", "side"), [(16, 3), (64, 3), (256, 1)])
def test_equalised_layers_keep_the_variance_whatever_their_width(into: int, side: int) -> None:
    conv = layers.EqualConv(into, 128, side, gain=1.0)
    assert float(conv.weight.detach().std()) == pytest.approx(1.0, abs=0.05)  # as drawn: N(0, 1)
    out = conv(torch.randn(8, into, 16, 16))[:, :, 2:-2, 2:-2]
    assert float(out.detach().var()) == pytest.approx(1.0, rel=0.1)
    dense = layers.EqualLinear(into, 512)  # He's gain: sqrt(2)
    assert float(dense(torch.randn(512, into)).detach().var()) == pytest.approx(2.0, rel=0.15)


def test_pixel_norm_gives_each_pixel_a_mean_square_of_one() -> None:
    x = 7 * torch.randn(2, 32, 5, 5)
    normed = layers.pixel_norm(x)
    assert torch.allclose(normed.square().mean(1), torch.ones(2, 5, 5), atol=1e-4)
    assert torch.allclose(normed[0, :, 2, 3], x[0, :, 2, 3] / x[0, :, 2, 3].square().mean().sqrt())


def test_the_minibatch_deviation_is_one_number_a_group() -> None:
    x = torch.randn(8, 6, 4, 4)
    out = layers.with_minibatch_deviation(x)
    assert out.shape == (8, 7, 4, 4)
    for group in (slice(0, 4), slice(4, 8)):
        expected = x[group].numpy().std(0).mean()
        assert np.allclose(out[group, 6].numpy(), expected, atol=1e-5)
    assert float(layers.with_minibatch_deviation(x[:1].repeat(4, 1, 1, 1))[:, 6].max()) < 1e-3


def test_feature_maps_are_those_of_the_papers_table() -> None:
    assert [maps_at(size) for size in (4, 8, 16, 32, 64, 128, 256, 512, 1024)] == [
        512, 512, 512, 512, 256, 128, 64, 32, 16,
    ]  # fmt: skip
    generator, discriminator = Generator(1024), Discriminator(1024)
    count = [sum(p.numel() for p in n.parameters()) for n in (generator, discriminator)]
    # Table 2: 23.1 million each; RGB layers of the lower levels come on top.
    assert count[0] == pytest.approx(23.1e6, rel=0.01)
    assert count[1] == pytest.approx(23.1e6, rel=0.01)


def test_at_alpha_0_the_new_level_is_the_old_one_enlarged_and_at_1_it_is_itself() -> None:
    generator, z = Generator(32, 0.05), torch.randn(4, 512)
    with torch.no_grad():
        old = layers.twice(generator(z, 2))
        assert torch.allclose(generator(z, 3, 0.0), old, atol=1e-6)
        new = generator(z, 3, 1.0)
        assert torch.allclose(generator(z, 3, 0.3), 0.7 * old + 0.3 * new, atol=1e-5)
        assert not torch.allclose(new, old, atol=1e-2)


def test_the_discriminator_fades_in_the_same_way() -> None:
    discriminator, x = Discriminator(32, 0.05), torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        old = discriminator(torch.nn.functional.avg_pool2d(x, 2), 2)
        assert torch.allclose(discriminator(x, 3, 0.0), old, atol=1e-5)
        assert not torch.allclose(discriminator(x, 3, 1.0), old, atol=1e-3)


def test_real_pictures_fade_in_as_well() -> None:
    x = torch.randn(2, 3, 8, 8)
    coarse = layers.twice(torch.nn.functional.avg_pool2d(x, 2))
    assert torch.allclose(faded(x, 0.0), coarse)
    assert torch.allclose(faded(x, 0.25), 0.75 * coarse + 0.25 * x, atol=1e-6)
    assert faded(x, 1.0) is x


@pytest.mark.parametrize(
    ("kimg", "size", "alpha"),
    [(0, 4, 1), (799, 4, 1), (800, 8, 0), (1200, 8, 0.5), (1600, 8, 1), (2399, 8, 1),
     (2400, 16, 0), (3200, 16, 1), (99999, 64, 1)],
)  # fmt: skip
def test_each_level_fades_in_over_800_thousand_pictures_and_is_trained_for_as_many(
    kimg: int, size: int, alpha: float
) -> None:
    stage = Stage(kimg * 1000, 800_000, top=4)
    assert (4 << stage.level, stage.alpha) == (size, pytest.approx(alpha))


@pytest.mark.parametrize("alpha", [1.0, 0.4])
def test_the_gradient_penalty_agrees_with_finite_differences(alpha: float) -> None:
    discriminator = Discriminator(8, 0.02).double()
    real, fake = (torch.randn(4, 3, 8, 8, dtype=torch.float64) for _ in range(2))
    mix = torch.rand(4, 1, 1, 1, dtype=torch.float64)
    between = real + mix * (fake - real)

    def norms() -> list[float]:
        """|grad D| at each picture, one coordinate after the other. The minibatch deviation ties the
        pictures together: the derivative is that of the sum of scores."""
        step, found = 1e-5, []
        for i in range(4):
            square = 0.0
            for k in range(3 * 8 * 8):
                ends = []
                for sign in (1, -1):
                    moved = between.clone()
                    moved.view(4, -1)[i, k] += sign * step
                    with torch.no_grad():
                        ends.append(float(_scores(discriminator, moved, alpha).sum()))
                square += ((ends[0] - ends[1]) / (2 * step)) ** 2
            found.append(math.sqrt(square))
        return found

    expected = np.mean([(norm - 1) ** 2 for norm in norms()])
    mine = penalty(discriminator, real, fake, mix, 1, alpha)
    # Scores come as float32, and the penalty is worked out in it.
    assert float(mine.detach()) == pytest.approx(expected, rel=2e-2)


def _scores(discriminator: Any, x: Any, alpha: float) -> Any:
    """The discriminator's scores in double precision: its own last step rounds to float32."""
    kept: list[Any] = []
    hook = discriminator.score.register_forward_hook(lambda *a: kept.append(a[2]))
    discriminator(x, 1, alpha)
    hook.remove()
    return kept[0]


def _pair(**other: Any) -> progressive.Progressive:
    settings = {"recipe": "progressive", "size": 32, "width": 0.02, "phase_kimg": 1.0}
    asked = Config.model_validate({**settings, "device": "cpu", "dtype": "float32", **other})
    return progressive.Progressive(resolve(asked, 1024))


def test_the_losses_are_those_of_wgan_gp_with_drift() -> None:
    pair, real, level = _pair(), torch.randn(4, 3, 8, 8), 1
    generator, critic = copy.deepcopy(pair.generator), copy.deepcopy(pair.discriminator)
    told = pair.step(real, Dice(0, 0), shown=1990)
    alpha = Stage(1990, 1000, 3).alpha
    assert told["alpha"] == pytest.approx(alpha, abs=1e-4)
    dice = Dice(0, 0)
    z, mix = dice.normal(4, 512), dice.uniform(4, 1, 1, 1)
    shown = faded(real, alpha)
    fake = generator(z, level, alpha).detach()
    on_real, on_fake = critic(shown, level, alpha), critic(fake, level, alpha)
    expected = on_fake.mean() - on_real.mean() + 0.001 * on_real.square().mean()
    expected = expected + 10 * penalty(critic, shown, fake, mix, level, alpha)
    assert told["loss_d"] == pytest.approx(float(expected.detach()), rel=1e-4)
    # The generator's, against the critic that has just learned.
    fake = generator(dice.normal(4, 512), level, alpha)
    expected = -pair.discriminator(fake, level, alpha).mean()
    assert told["loss_g"] == pytest.approx(float(expected.detach()), rel=1e-4)


def test_the_average_keeps_999_of_1000_a_step() -> None:
    pair = _pair()
    before = copy.deepcopy(pair.average)
    pair.step(torch.randn(4, 3, 4, 4), Dice(0, 0), shown=0)
    for mean, was, now in zip(
        pair.average.parameters(), before.parameters(), pair.generator.parameters(), strict=True
    ):
        assert torch.allclose(mean, 0.999 * was + 0.001 * now, atol=1e-6)


def test_optimisers_begin_anew_when_a_level_comes_in_and_when_it_has_faded_in() -> None:
    pair, steps = _pair(), []
    for shown, size in ((0, 4), (500, 4), (1000, 8), (1500, 8), (2000, 8), (2500, 8)):
        pair.step(torch.randn(4, 3, size, size), Dice(0, 0), shown)
        moments = pair.optimisers["discriminator"].state[pair.discriminator.score.weight]
        steps.append(int(moments["step"]))
    assert steps == [1, 2, 1, 2, 1, 2]


def test_minibatches_are_those_of_the_paper() -> None:
    pair = _pair(size=1024)
    top = [pair.batch_at(2000 * level) for level in range(9)]
    assert top == [16, 16, 16, 16, 16, 16, 14, 6, 3]


# ---- the compact recipe --------------------------------------------------------------------------


def test_a_styled_convolution_keeps_unit_variance_whatever_the_style() -> None:
    conv = Styled(32, 64, 8)
    x = torch.randn(6, 32, 16, 16)
    for w in (torch.zeros(6, 8), 5 * torch.randn(6, 8)):
        out = conv(x, w)[:, :, 2:-2, 2:-2]
        assert float(out.detach().var()) == pytest.approx(1.0, rel=0.15)


def test_a_styled_convolution_is_a_convolution_with_weights_of_its_own_for_each_picture() -> None:
    conv, x, w = Styled(5, 7, 4), torch.randn(3, 5, 6, 6), torch.randn(3, 4)
    with torch.no_grad():
        together = conv(x, w)
        for i in range(3):
            style = conv.style(w)[i]
            weight = conv.weight * style[None, :, None, None]
            weight = weight / weight.square().sum((1, 2, 3), keepdim=True).sqrt()
            alone = torch.nn.functional.conv2d(x[i : i + 1], weight, conv.bias, padding=1)
            assert torch.allclose(together[i : i + 1], alone, atol=1e-4)


def test_skip_excitation_weighs_channels_between_0_and_1() -> None:
    skip = layers.SkipExcitation(6, 9)
    small, large = torch.randn(2, 6, 8, 8), torch.randn(2, 9, 32, 32)
    share = skip(small, large) / large
    assert torch.allclose(share, share[:, :, :1, :1].expand_as(share), atol=1e-4)
    assert 0 < float(share.detach().min()) <= float(share.detach().max()) < 1


@pytest.mark.parametrize("size", [32, 64, 256])
def test_the_gated_generator_gives_pictures_of_its_size(size: int) -> None:
    rgb = Gated(size, 4, 16)(torch.randn(2, 16))
    assert rgb.shape == (2, 3, size, size)
    assert float(rgb.detach().abs().max()) <= 1


def test_the_encoder_sees_what_the_offline_encoder_sees() -> None:
    """The torch network's last maps, taken through the rest, are the ONNX network's features."""
    import onnx
    import onnxruntime
    from onnx import numpy_helper

    from feedsmith.understanding.networks import WEIGHTS

    path = str(WEIGHTS / "encoder.onnx")
    rgb = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (expected,) = session.run(["features"], {"rgb": rgb})
    encoder = Encoder()
    with torch.no_grad():
        maps = encoder(torch.from_numpy(rgb).permute(0, 3, 1, 2).float() / 127.5 - 1)
    assert [m.shape[2] for m in maps] == [56, 28, 14, 7]
    graph = onnx.load(path).graph
    known = {i.name: numpy_helper.to_array(i).astype(np.float32) for i in graph.initializer}
    (last,) = [n for n in graph.node if n.op_type == "Conv"][-1:]
    made = {n.output[0]: n for n in graph.node}

    def value(name: str) -> np.ndarray:
        if name in known:
            return known[name]
        node = made[name]
        values = [value(i) for i in node.input]
        return values[0] if node.op_type == "Cast" else values[0] * values[1]

    weight, bias = (torch.from_numpy(value(name)) for name in last.input[1:])
    head = torch.nn.functional.relu6(torch.nn.functional.conv2d(maps[-1], weight, bias))
    mine = head.mean((2, 3)).numpy()
    assert np.allclose(mine, expected, atol=2e-3 * float(np.abs(expected).max()))


def test_through_the_encoder_gradients_reach_the_picture_and_not_the_encoder() -> None:
    judge = Projected(32, 2.0, width=8)
    x = torch.randn(2, 3, 32, 32, requires_grad=True)
    judge(x).sum().backward()
    assert float(x.grad.abs().sum()) > 0
    learning = [name for name, p in judge.named_parameters() if p.requires_grad]
    assert learning
    assert all(name.startswith("heads.") for name in learning)


# ---- augmentation and draws ----------------------------------------------------------------------


def test_without_strength_nothing_is_changed_and_with_it_gradients_go_through() -> None:
    x = torch.randn(4, 3, 16, 16, requires_grad=True)
    assert augmented(x, 0.0, Dice(0, 0)) is x
    out = augmented(x, 1.0, Dice(0, 0))
    assert out.shape == x.shape
    assert not torch.allclose(out, x)
    out.sum().backward()
    assert float(x.grad.abs().sum()) > 0


def test_a_weak_augmentation_leaves_most_pictures_as_they_are() -> None:
    x = torch.randn(400, 3, 8, 8)
    same = (augmented(x, 0.05, Dice(0, 0)) - x).abs().amax((1, 2, 3)) < 1e-5
    # Each of six changes is left out with probability .95.
    assert float(same.float().mean()) == pytest.approx(0.95**6, abs=0.08)


def test_the_strength_follows_the_discriminators_confidence() -> None:
    assert followed(0.5, sign=0.9, pictures=1000) == pytest.approx(0.51)
    assert followed(0.5, sign=0.2, pictures=1000) == pytest.approx(0.49)
    assert followed(0.0, sign=0.2, pictures=1000) == 0.0


def test_two_processes_draw_what_one_draws_for_both() -> None:
    whole, halves = Dice(3, 7), [Dice(3, 7, rank, 2) for rank in (0, 1)]
    for shape in ((5,), (1, 1, 1)):
        one = whole.normal(8, *shape)
        assert torch.equal(one, torch.cat([half.normal(4, *shape) for half in halves]))
    assert not torch.equal(Dice(3, 8).normal(8), Dice(3, 7).normal(8))
