"""Books, which are bought, borrowed and read."""

from __future__ import annotations

from .things import Kind, counted, felt, visible

BOOKS = Kind(
    counted(
        "冊",
        "小説",
        "絵本",
        "詩集",
        "料理の本",
        "歴史の本",
        "旅行の本",
        "星の図鑑",
        "昔話の本",
        "科学の本",
        "落語の本",
        "動物の本",
    ),
    ("", "新しい", "厚い", "古い", "珍しい", "話題の"),
    (*felt("面白い", "読みやすい", "すばらしい"), *visible("きれいな", "立派な")),
)
