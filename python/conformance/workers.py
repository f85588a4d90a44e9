"""A rollout, a verifier and a learner that know RLSD Streams from schemas/ and docs/protocol.md alone.

    python workers.py rollout|verify|learn BROKERS PREFIX SCHEMAS BASE

PREFIX is that of the run's topics, such as "team.sums.", SCHEMAS the folder of .avsc files, BASE the base model's
folder. The rollout answers sums, right half of the time; the learner scales one tensor of the base by the step. Each
ends after the run's last step. Needs confluent-kafka and fastavro.
"""

import hashlib
import io
import json
import math
import random
import re
import struct
import sys
from collections import defaultdict
from pathlib import Path

import fastavro
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from fastavro.schema import fingerprint, to_parsing_canonical_form

PLACE = ("step", "of", "sample")
CHUNK = 900_000  # bytes


class Run:
    """The topics of a run: their schemas, the manifest, and what is looked up in them."""

    def __init__(self, brokers, prefix, schemas):
        self.brokers = brokers
        self.prefix = prefix
        self.schemas = {}
        self.fingerprints = {}
        for file in Path(schemas).glob("*.avsc"):
            raw = json.loads(file.read_text())
            self.schemas[file.stem] = fastavro.parse_schema(raw)
            self.fingerprints[file.stem] = fingerprint(to_parsing_canonical_form(raw), "SHA-256")
        manifest = {key: json.loads(value) for key, value in self.follow("manifest").read()}
        if b"run" not in manifest:
            sys.exit(f"{prefix}manifest: no run has begun here")
        self.manifest = manifest[b"run"]
        self.id = self.manifest["run"]
        self.spec = {**self.manifest["spec"], **manifest.get(b"steps", {})}
        for topic, expected in self.manifest["schemas"].items():
            if self.fingerprints.get(topic) != expected:
                sys.exit(f"{topic}: the run has schema {expected}, {schemas} has {self.fingerprints.get(topic)}")

    def consumer(self, group, **settings):
        return Consumer({
            "bootstrap.servers": self.brokers,
            "group.id": group,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            # How long the partitions of a worker that died wait for it.
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 2000,
            **settings,
        })

    def follow(self, topic):
        return Follower(self, topic)

    def decode(self, topic, value):
        return fastavro.schemaless_reader(io.BytesIO(value), self.schemas[topic])

    def message(self, topic, key, record, place=()):
        value = io.BytesIO()
        fastavro.schemaless_writer(value, self.schemas[topic], record)
        headers = [("schema", self.fingerprints[topic]), *place]
        return {"topic": self.prefix + topic, "key": key, "value": value.getvalue(), "headers": headers}


class Follower:
    """Reads a topic of one partition from its beginning, outside of any group."""

    def __init__(self, run, topic):
        # The end of a transaction takes an offset too, so only the broker's word tells where the topic ends.
        self.consumer = run.consumer("unused", **{"enable.partition.eof": True})
        self.consumer.assign([TopicPartition(run.prefix + topic, 0, OFFSET_BEGINNING)])
        self.wait = 30  # seconds, until the first end
        self.parts = []

    def read(self):
        """Keys and values of what has been committed since the last call."""
        found = []
        while (message := self.consumer.poll(self.wait)) is not None:
            if message.error():
                if message.error().code() != KafkaError._PARTITION_EOF:
                    continue
                self.wait = 0.05
                break
            if message.value() is not None:
                found.extend(self.whole(message))
        return found

    def whole(self, message):
        """The record that a message completes."""
        headers = headers_of(message)
        if "chunk-index" not in headers:
            return [(message.key(), message.value())]
        if headers["chunk-index"] == "0":
            self.parts = []
        self.parts.append(message.value())
        if len(self.parts) < int(headers["chunk-count"]):
            return []
        value = b"".join(self.parts)
        if hashlib.sha256(value).hexdigest() != headers["chunk-digest"]:
            sys.exit(f"{message.topic()}, offset {message.offset()}: the chunks do not have their digest")
        return [(message.key(), value)]


class Stage:
    """Units of work, each in one transaction with the offsets that it consumed."""

    def __init__(self, run, name, topic):
        self.run = run
        self.topic = topic
        self.producer = Producer({
            "bootstrap.servers": run.brokers,
            "transactional.id": f"{run.prefix}{name}-0",
            "partitioner": "murmur2",
        })
        retried(self.producer.init_transactions)
        self.consumer = run.consumer(run.prefix + name)
        self.consumer.subscribe([run.prefix + topic])

    def poll(self):
        message = self.consumer.poll(0.2)
        if message is None or message.error():
            return None
        return message

    def commit(self, messages, offsets):
        """offsets: the next one to read, by partition."""
        self.producer.begin_transaction()
        for message in messages:
            self.send(message)
        positions = [TopicPartition(self.run.prefix + self.topic, p, offset) for p, offset in offsets.items()]
        retried(self.producer.send_offsets_to_transaction, positions, self.consumer.consumer_group_metadata())
        retried(self.producer.commit_transaction)


    def send(self, message):
        """A record, in chunks where it is large. All but the first name the offset of the first."""
        value = message["value"]
        if value is None or len(value) <= CHUNK:
            self.producer.produce(**message)
            return
        parts = [value[at : at + CHUNK] for at in range(0, len(value), CHUNK)]
        common = [("chunk-count", str(len(parts))), ("chunk-digest", hashlib.sha256(value).hexdigest())]
        offsets = []
        for index, part in enumerate(parts):
            own = message["headers"] if index == len(parts) - 1 else []
            headers = [*own, *common, ("chunk-index", str(index))]
            if index > 0:
                headers.append(("chunk-first", str(offsets[0])))
            self.producer.produce(
                **{**message, "value": part, "headers": headers},
                on_delivery=lambda _, written: offsets.append(written.offset()),
            )
            if index == 0:
                self.producer.flush()


def retried(request, *arguments):
    """Repeats a request of a transaction while the broker says that it may."""
    while True:
        try:
            return request(*arguments, 60)
        except KafkaException as exception:
            if not exception.args[0].retriable():
                raise


def headers_of(message):
    return {name: value.decode() for name, value in message.headers() or []}


def place_of(message):
    headers = headers_of(message)
    return [(name, headers[name]) for name in PLACE if name in headers]


def passed_on(message, topic):
    """A gap marker for the next topic."""
    headers = [(name, value) for name, value in headers_of(message).items() if name != "traceparent"]
    return {"topic": topic, "key": message.key(), "value": None, "headers": headers}


def int32(values):
    return struct.pack(f"<{len(values)}i", *values)


def float32(values):
    return struct.pack(f"<{len(values)}f", *values)


class Versions:
    """The published weights."""

    def __init__(self, run):
        self.run = run
        self.follower = run.follow("weights")
        self.newest = None

    def refresh(self):
        for _, value in self.follower.read():
            self.newest = self.run.decode("weights", value)
        return self.newest

    def at_least(self, version):
        while (newest := self.refresh()) is None or newest["version"] < version:
            pass
        return newest

    def ended(self):
        newest = self.refresh()
        return newest is not None and newest["version"] >= self.run.spec["steps"]


def each(stage, versions, work):
    """Does each record as a unit, until the run has ended."""
    seen = set()
    while not versions.ended():
        message = stage.poll()
        if message is None:
            continue
        place = tuple(place_of(message))
        is_new = (message.key(), place) not in seen
        seen.add((message.key(), place))
        stage.commit(work(message) if is_new else [], {message.partition(): message.offset() + 1})


def rollout(run, base):
    stage = Stage(run, "rollout", "prompts")
    versions = Versions(run)
    settings = run.spec["rollout"]
    config = json.loads((base / "tokenizer_config.json").read_text())
    vocabulary = json.loads((base / "tokenizer.json").read_text())
    special = {token["content"]: token["id"] for token in vocabulary["added_tokens"]}
    end = special[config["eos_token"]]

    def work(message):
        if message.value() is None:
            return [passed_on(message, run.prefix + "rollouts")]
        prompt = run.decode("prompts", message.value())
        policy = versions.at_least(prompt["step"] - run.spec["flow"]["maxLag"])
        question = prompt["messages"][-1]["content"]
        # The ids of this vocabulary's first 256 tokens are the bytes.
        tokens = int32([special["<|user|>"], *question.encode(), special["<|assistant|>"]])
        total = sum(int(term.replace(" ", "")) for term in re.findall(r"[+-]?\s*\d+", question))
        common = {name: prompt[name] for name in ("promptId", "itemId", "sequence", "step", "messages")}
        made = []
        for index in range(settings["group"]):
            key = f"{prompt['seed']}/{prompt['promptId']}/{index}/{policy['version']}"
            seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1
            answer = str(total + random.Random(seed).randrange(2))
            completion = [*answer.encode(), end]
            record = {
                **common,
                "run": run.id,
                "sampleIndex": index,
                "groupSize": settings["group"],
                "policyVersion": policy["version"],
                "policyDigest": policy["digest"],
                "seed": seed,
                "templateHash": "bytes",
                "temperature": settings["temperature"],
                "promptTokens": tokens,
                "promptDigest": hashlib.sha256(tokens).hexdigest(),
                "completionTokens": int32(completion),
                "samplingLogprobs": float32([math.log(0.5), *[0] * (len(completion) - 1)]),
                "completion": answer,
                "finishReason": "stop",
            }
            place = [("step", str(prompt["step"])), ("of", str(settings["group"])), ("sample", str(index))]
            made.append(run.message("rollouts", prompt["promptId"], record, place))
        return made

    each(stage, versions, work)


def verify(run, _base):
    stage = Stage(run, "verify", "rollouts")
    follower = run.follow("references")
    references = {}

    def reference(item):
        while item not in references:
            for key, value in follower.read():
                references[key.decode()] = run.decode("references", value)
        return references[item]

    def work(message):
        if message.value() is None:
            return [passed_on(message, run.prefix + "verdicts")]
        rolled = run.decode("rollouts", message.value())
        is_right = rolled["completion"] == reference(rolled["itemId"])["answer"]
        verdict = {
            "verdict": "correct" if is_right else "incorrect",
            "reward": float(is_right),
            "reason": "compared as text",
            "evidence": {"answer": rolled["completion"]},
            "verifier": "conformance",
            "verifierHash": "1",
        }
        return [run.message("verdicts", rolled["promptId"], {**rolled, **verdict}, place_of(message))]

    each(stage, Versions(run), work)


def scaled(model, factor):
    """The safetensors file with the final norm's weights scaled."""
    length = struct.unpack_from("<Q", model)[0]
    entry = json.loads(model[8:8 + length])["model.norm.weight"]
    start, stop = (8 + length + offset for offset in entry["data_offsets"])
    values = struct.unpack_from(f"<{(stop - start) // 4}f", model, start)
    return model[:start] + float32([value * factor for value in values]) + model[stop:]


def learn(run, base):
    stage = Stage(run, "learn", "advantages")
    versions = Versions(run)
    every, prompts = run.spec["publish"]["every"], run.spec["learn"]["prompts"]
    model = (base / "model.safetensors").read_bytes()

    def weights(version, parent, digest, offsets, chunk):
        step = max(version - 1, 0)
        record = {"run": run.id, "version": version, "parent": parent, "step": step, "digest": digest}
        return run.message("weights", "policy", {**record, "offsets": offsets, "location": None, "chunk": chunk})

    if versions.refresh() is None:
        stage.commit([weights(0, None, hashlib.sha256(model).hexdigest(), [], None)], {})
    pending = {}  # step by offset
    places = defaultdict(set)  # samples by step and prompt
    sizes = {}
    while not versions.ended():
        message = stage.poll()
        next_step = versions.at_least(0)["version"]
        if message is not None:
            place = dict(place_of(message))
            step, size = int(place["step"]), int(place["of"])
            if step < next_step:
                continue
            pending[message.offset()] = step
            sizes[message.key()] = size
            places[step, message.key()] |= {int(place["sample"])} if "sample" in place else set(range(size))
        unit = range(next_step, next_step + every)
        complete = [key for (step, key), found in places.items() if step in unit and len(found) == sizes[key]]
        if len(complete) < prompts * every:
            continue
        end = max(pending) + 1
        pending = {offset: step for offset, step in pending.items() if step not in unit}
        position = min(pending, default=end)
        trained = scaled(model, 1 + 0.001 * unit.stop)
        offsets = [{"topic": "advantages", "partition": 0, "offset": position}]
        chunk = {"index": 0, "count": 1, "bytes": trained}
        digest = hashlib.sha256(trained).hexdigest()
        stage.commit([weights(unit.stop, next_step, digest, offsets, chunk)], {0: position})
        versions.at_least(unit.stop)


if __name__ == "__main__":
    if len(sys.argv) != 6 or sys.argv[1] not in ("rollout", "verify", "learn"):
        sys.exit(__doc__)
    role, brokers, prefix, schemas, base = sys.argv[1:]
    {"rollout": rollout, "verify": verify, "learn": learn}[role](Run(brokers, prefix, schemas), Path(base))
