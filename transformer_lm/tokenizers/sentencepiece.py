"""SentencePiece (Kudo and Richardson 2018): trained, loaded, and run in the graph."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sentencepiece
from etils import epath

from transformer_lm.registry import UserError
from transformer_lm.tokenizers import spm_options, spm_training
from transformer_lm.tokenizers.interface import GraphEncoder
from transformer_lm.tokenizers.vocabulary_files import write_whole

if TYPE_CHECKING:
    import tensorflow as tf

MODEL_FILE = "sentencepiece_model"


class SentencePieceTokenizer:
    """A SentencePiece model; meets `Tokenizer`.

    The control pieces [CLS], [SEP] and [MASK], where a model has them, are the special
    tokens of encoders. Its pieces know no words: in Japanese text the mark of a word's
    start (U+2581) stands only where the text has a blank. Rows for encoders therefore
    count every token as a word.
    """

    def __init__(self, model_proto: bytes, origin: str = "memory") -> None:
        """Reads a model.

        Args:
          model_proto: the model file's bytes.
          origin: where they come from, for the message if they are no model.

        Raises:
          UserError: if they are no SentencePiece model.
        """
        self.model_proto = model_proto
        self._processor = sentencepiece.SentencePieceProcessor()
        try:
            self._processor.LoadFromSerializedProto(model_proto)
        except RuntimeError as error:
            raise UserError(
                f"{origin} ({len(model_proto)} bytes) is no SentencePiece model"
                f" ({error}); delete it to have it trained anew, or set vocab_path"
            ) from error
        self.vocab_size: int = self._processor.get_piece_size()
        self.bos_id = _existing(self._processor.bos_id())
        self.eos_id = _existing(self._processor.eos_id())
        self.unk_id = _existing(self._processor.unk_id())
        self.pad_id = _existing(self._processor.pad_id())
        self.cls_id = self._control_id("[CLS]")
        self.sep_id = self._control_id("[SEP]")
        self.mask_id = self._control_id("[MASK]")
        self.special_ids: tuple[int, ...] = tuple(
            number
            for number in range(self.vocab_size)
            if self._processor.is_control(number) or self._processor.is_unknown(number)
        )
        self._skipped = {*self.special_ids} - {self.unk_id}

    def __reduce__(self) -> tuple[type["SentencePieceTokenizer"], tuple[bytes]]:
        return SentencePieceTokenizer, (self.model_proto,)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The model's file."""
        return {MODEL_FILE: self.model_proto}

    def normalise(self, text: str) -> str:
        """Returns the text that the ids of a text stand for."""
        normal = self._processor.normalize(text).replace("▁", " ")
        # The blank that most models put before every text is not decoded.
        begins_with_blank = self._processor.normalize("a").startswith("▁")
        return normal.removeprefix(" ") if begins_with_blank else normal

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text alone, without special tokens."""
        return self._processor.encode(text)

    def encode_words(self, text: str) -> tuple[list[int], list[bool]]:
        """Returns `encode`'s ids, each the beginning of a word."""
        ids = self.encode(text)
        return ids, [True] * len(ids)

    def encode_batch(
        self, texts: Sequence[str], *, processes: int = 1
    ) -> list[list[int]]:
        """Returns `encode` of each text.

        Args:
          texts: any.
          processes: threads of sentencepiece, which works outside Python's lock.
        """
        return self._processor.encode(list(texts), num_threads=processes)

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of ids; special tokens are skipped, unknown ones are ⁇."""
        return self._processor.decode([int(i) for i in ids if i not in self._skipped])

    def graph_encoder(self) -> GraphEncoder:
        """Returns `encode` as graph operations; each token is a word."""
        import tensorflow as tf
        import tensorflow_text

        model: Any = tensorflow_text.SentencepieceTokenizer(
            self.model_proto,
            tf.int32,  # pyright: ignore[reportArgumentType]  (two names of one class)
        )

        def encode(texts: "tf.Tensor") -> tuple["tf.RaggedTensor", None]:
            return model.tokenize(texts), None

        return encode

    def _control_id(self, piece: str) -> int | None:
        """The id of a control piece; None if there is none of that name."""
        number = self._processor.piece_to_id(piece)
        return number if self._processor.is_control(number) else None


@dataclass(frozen=True)
class SentencePieceConfig:
    """A vocabulary of word pieces, learned from text without word borders."""

    vocab_path: str | None = None
    """File of the model; unset: sentencepiece_model in the work folder."""
    vocab_size: int = 30_000
    """Pieces, when the model is trained."""
    max_corpus_chars: int = 10_000_000
    """Characters of training text that the model is trained on."""
    spm_train_options: str = ""
    """More options of SentencePiece's trainer: --character_coverage=0.9995 …"""
    special_tokens: str = ""
    """Control pieces to train with, by commas; encoders need "[CLS],[SEP],[MASK]"."""

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = [
            f"{name}={value} must be at least {least}"
            for name, value, least in (
                ("vocab_size", self.vocab_size, 8),
                ("max_corpus_chars", self.max_corpus_chars, 1),
            )
            if value < least
        ]
        problems += spm_options.problems(self.spm_train_options)
        tokens = self.special_tokens.split(",") if self.special_tokens else []
        if not all(map(str.strip, tokens)) or len(set(tokens)) < len(tokens):
            problems.append(
                f"special_tokens={self.special_tokens!r} must be different names,"
                " separated by commas"
            )
        if tokens and "--control_symbols" in self.spm_train_options:
            problems.append(
                "special_tokens and --control_symbols in spm_train_options say the same;"
                " leave --control_symbols out"
            )
        return problems

    def path(self, workdir: str) -> str:
        """Returns the model's file."""
        return self.vocab_path or os.fspath(
            epath.Path(workdir).expanduser() / MODEL_FILE
        )

    def load(self, workdir: str) -> SentencePieceTokenizer:
        """Returns the model in the file.

        Raises:
          UserError: if the file is missing or no SentencePiece model.
        """
        path = epath.Path(self.path(workdir)).expanduser()
        if not path.exists():
            origin = "vocab_path" if self.vocab_path else "the work folder"
            raise UserError(
                f"the vocabulary {path} (from {origin}) does not exist; training writes"
                " it, or set vocab_path to an existing SentencePiece model"
            )
        return SentencePieceTokenizer(path.read_bytes(), str(path))

    def train(self, texts: Iterable[str], workdir: str) -> SentencePieceTokenizer:
        """Trains a model, writes it and returns it; the same texts give the same file.

        Args:
          texts: training text; only the first `max_corpus_chars` characters are read.
          workdir: work folder.

        Raises:
          UserError: if the text does not suffice for the vocabulary, or an option has
            an impossible value.
        """
        path = epath.Path(self.path(workdir)).expanduser()
        options = spm_options.parse(self.spm_train_options)
        if self.special_tokens:
            options["control_symbols"] = self.special_tokens
        model = spm_training.train(
            texts,
            vocab_size=self.vocab_size,
            max_characters=self.max_corpus_chars,
            options=options,
        )
        tokenizer = SentencePieceTokenizer(model)
        write_whole(path, model)
        return tokenizer


def _existing(special_id: int) -> int | None:
    """SentencePiece gives -1 for a special token that does not exist."""
    return special_id if special_id >= 0 else None
