"""Writes small data sets with TFDS's own writer, under the names of the real ones.

A builder's name is that of its class; features and configurations are those that
tensorflow_datasets 4.9 and the Hugging Face Hub declare.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

WIKI40B = {
    "wikidata_id": tfds.features.Text(),
    "text": tfds.features.Text(),
    "version_id": tfds.features.Text(),
}
LM1B = {"text": tfds.features.Text()}
CC100 = {"id": tfds.features.Text(), "text": tfds.features.Text()}


def prepare(
    folder: Path,
    name: str,
    features: Mapping[str, Any],
    splits: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    config: str | None = None,
    version: str = "1.0.0",
    num_shards: int = 1,
) -> None:
    """Writes `splits` (records by split) as data set `name` into `folder`."""
    configs = [tfds.core.BuilderConfig(name=config, version=version)] if config else []

    class Base(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version(version)
        BUILDER_CONFIGS = configs
        pkg_dir_path = folder

        def _info(self):
            features_dict = tfds.features.FeaturesDict(dict(features))
            return tfds.core.DatasetInfo(
                builder=self, features=features_dict, disable_shuffling=True
            )

        def _split_generators(self, dl_manager):
            return {
                split: list(enumerate(records)) for split, records in splits.items()
            }

        def _generate_examples(self):
            raise NotImplementedError

    builder = type(name.title(), (Base,), {"name": name}, skip_registration=True)
    download = tfds.download.DownloadConfig(
        num_shards=num_shards, try_download_gcs=False
    )
    made = builder(data_dir=folder, **({"config": config} if config else {}))
    made.download_and_prepare(download_config=download)
