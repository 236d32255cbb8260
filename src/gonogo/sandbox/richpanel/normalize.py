"""Normalised text for the rules: one case, plain quotes, no quoted history, and the commonest typing errors undone."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_PLAIN = str.maketrans({
    "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201b": "'", "\u02bc": "'", "`": "'", "\u00b4": "'",
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"',
    "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": " - ", "\u2014": " - ", "\u2212": "-",
    "\u00a0": " ", "\u00ad": "", "\u200b": "", "\u200c": "", "\u200d": "", "\u2060": "", "\ufeff": "",
})  # fmt: skip

_MARKUP = re.compile(r"</?(?!sys|admin|inst|assistant)[a-z][^<>\n]{0,120}>")
_QUOTED_LINE = re.compile(r"^\s*>.*$", re.MULTILINE)
_HISTORY = re.compile(r"^(?:-{2,}\s*(?:original|forwarded) message\b.*|on .{4,80} wrote:\s*)$", re.MULTILINE)
_FOOTER = re.compile(r"\b(?:this|the) (?:e-?mail|message|communication)[^.\n]{0,80}\b(?:confidential|privileged)\b")
# A point inside a number ends no sentence.
_DECIMAL = re.compile(r"(?<=\d)[.,](?=\d)")
_SPACES = re.compile(r"[^\S\n]+")
_ELONGATED = re.compile(r"([a-z])\1{2,}")
_TOKEN = re.compile(r"[a-z0-9]+(?:'[a-z]+)*")
_WORD = re.compile(r"[a-z]{5,}")

# Short forms and slips that are too far from the word for the one-edit correction below.
_SPELLINGS = {
    "pls": "please", "plz": "please", "plss": "please", "ur": "your", "u": "you", "r": "are", "im": "i'm",
    "ive": "i've", "dont": "don't", "doesnt": "doesn't", "didnt": "didn't", "isnt": "isn't",
    "wasnt": "wasn't", "cant": "can't", "wont": "won't", "havent": "haven't", "hasnt": "hasn't", "hadnt": "hadn't",
    "arent": "aren't", "werent": "weren't", "wouldnt": "wouldn't", "couldnt": "couldn't", "shouldnt": "shouldn't",
    "aint": "isn't", "ain't": "isn't", "whens": "when's", "wheres": "where's", "whats": "what's", "thats": "that's",
    "wher": "where", "were's": "where's", "gonna": "going to", "wanna": "want to", "gotta": "got to",
    "gimme": "give me", "lemme": "let me", "cuz": "because", "ordr": "order", "oder": "order", "ordeer": "order",
    "odrer": "order", "pkg": "package", "pckg": "package", "addy": "address", "adres": "address", "sub": "subscription",
    "subs": "subscription", "subscrition": "subscription", "acct": "account", "pw": "password", "pwd": "password",
    "msg": "message", "txn": "transaction", "qty": "quantity", "recd": "received", "rec'd": "received",
    "rcvd": "received", "rcv": "receive", "del": "delivered", "delievered": "delivered", "deliverd": "delivered",
    "recieve": "receive", "recieved": "received", "recived": "received", "refud": "refund", "refnd": "refund",
    "refound": "refund", "refunf": "refund", "cancle": "cancel", "cancell": "cancel", "cancelation": "cancellation",
    "canel": "cancel", "cansel": "cancel", "cancled": "cancelled", "retun": "return", "retrun": "return",
    "trakcing": "tracking", "traking": "tracking", "shiping": "shipping", "damged": "damaged", "dammaged": "damaged",
    "brocken": "broken", "brokn": "broken", "lawer": "lawyer", "atorney": "attorney",
    "fraudulant": "fraudulent", "unauthorised": "unauthorized", "authorised": "authorized", "authorise": "authorize",
    "colour": "color",
    "colours": "colors", "parcell": "parcel", "discound": "discount", "exhange": "exchange", "exchage": "exchange",
    "xchange": "exchange", "canceled": "cancelled", "canceling": "cancelling", "cheque": "check", "2x": "twice",
    "delievery": "delivery", "delivary": "delivery", "wrng": "wrong", "wong": "wrong", "mising": "missing",
    "collabs": "collab", "infuencer": "influencer", "influncer": "influencer", "promocode": "promo code",
    "discountcode": "discount code", "couponcode": "coupon code", "wismo": "where is my order", "stil": "still",
}  # fmt: skip

_VOCABULARY_TEXT = """
account address attorney cancel cancellation cancelled chargeback charged checkout coupon crashes damaged defective
delayed delivered delivery discount dispute disputing exchange fraudulent incorrect influencer instructions invoice
lawyer missing package parcel password payment promotion received refund return scratched shattered shipment shipped
shipping stolen subscription tracking unauthorized
"""
# Real words one edit away from the vocabulary.
_LEFT_ALONE_TEXT = """
accounting accounts addressed addresses attorneys canceller cancelling cancels cancer changed changes charge chargee
charger chargers charges chipped chipping clipped correct coupons cracking crashed damage damages defects delay
delays deliver deliveries delivers directed discounted discounter discounts disputed disputes exchanged exchanges
flipped hissing influence influencers influences invoices kissing lawyers messing mission misting packaged packages
parcels passing passwords payments racking receive receiver receives recount refunded refunds relayed retort
returned returnee returns scratch scratches scratchy shatter shipments shopped shopper shopping skipped skipping
slipped slipping snipping solen stacking stole stripped subscriptions tracing tricking trucking whipping
"""
_VOCABULARY = tuple(_VOCABULARY_TEXT.split())
_LEFT_ALONE = frozenset(_LEFT_ALONE_TEXT.split())


def normalize(text: str) -> str:
    """Return the text in the form that the rules are written for; what it says stays, its look goes."""
    text = unicodedata.normalize("NFKC", text).translate(_PLAIN).casefold()
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _cut_history(text)
    text = _MARKUP.sub(" ", text)
    text = _DECIMAL.sub("", text)
    text = _ELONGATED.sub(r"\1\1", text)
    text = _TOKEN.sub(lambda match: _SPELLINGS.get(match.group(), match.group()), text)
    text = _WORD.sub(lambda match: _correct(match.group()), text)
    return _SPACES.sub(" ", text).strip()


def _cut_history(text: str) -> str:
    """Drop the quoted mail and the confidentiality footer, unless nothing else is there."""
    kept = _QUOTED_LINE.sub("", text)
    for marker in (_HISTORY, _FOOTER):
        match = marker.search(kept)
        if match and kept[: match.start()].strip():
            kept = kept[: match.start()]
    return kept if kept.strip() else text


@lru_cache(maxsize=8192)
def _correct(word: str) -> str:
    if word in _LEFT_ALONE or word in _VOCABULARY:
        return word
    for known in _VOCABULARY:
        if len(known) >= 6 and abs(len(known) - len(word)) <= 1 and _is_one_edit(word, known):
            return known
    return word


def _is_one_edit(word: str, known: str) -> bool:
    """Tell whether one insertion, deletion, substitution or swap of neighbours turns one word into the other."""
    start = 0
    while start < min(len(word), len(known)) and word[start] == known[start]:
        start += 1
    if start == 0:
        # A different first letter is rarely a slip: 'whipping' is no 'shipping'.
        return False
    a, b = word[start:], known[start:]
    if len(a) == len(b):
        return a[1:] == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])
    return a[1:] == b if len(a) > len(b) else a == b[1:]
