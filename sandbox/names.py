"""Invented names of many tongues, departments and places for the sample company. Nobody here exists."""

from __future__ import annotations

GIVEN = (
    "Amara", "Björn", "Chiara", "Dmitri", "Eilidh", "Farid", "Grażyna", "Hiroshi", "Ines", "Jürgen",
    "Kwame", "Léa", "Mateo", "Nadia", "Oluwaseun", "Petra", "Quentin", "Rosalía", "Søren", "Tamsin",
    "Ulrike", "Václav", "Wanjiru", "Xenia", "Yusuf", "Zoë", "Aiko", "Bastian", "Csilla", "Dorota",
    "Emeka", "Fatima", "Gunnar", "Halina", "Ivo", "Jelena", "Kofi", "Ludmila", "Marisol", "Nils",
    "Ottavia", "Priya", "Rafał", "Sanna", "Thijs", "Urszula", "Viktor", "Wen", "Yara", "Žofie",
    "Ásta", "Beatriz", "Cheng", "Dagny", "Ester", "Florin", "Gül", "Henrike", "Ilse", "João",
)  # fmt: skip
SURNAMES = (
    "Abernethy", "Bergström", "Castellanos", "Dvořák", "Eriksen", "Fàbregas", "Grünwald", "Hašková", "Ivanenko",
    "Jørgensen", "Kowalczyk", "Lindqvist", "Müller-Thoma", "Nakagawa", "O'Rourke", "Pietrangeli", "Quiñones",
    "Ravndal", "Szabó", "Tanaka", "Ünal", "Vandenbroucke", "Wiśniewska", "Yüksel", "Zieliński", "Achterberg",
    "Baptiste", "Çelik", "D'Angelo", "Engström", "Fujimoto", "Gonçalves", "Horvath", "Ito", "Jankauskas",
    "Kariuki", "Løvås", "Mbeki", "Nguyen", "Okonkwo", "Papadakis", "Rasmussen", "Sørbø", "Thorvaldsen",
    "Uchida", "van der Meer", "Weiß", "Xhaka", "Yamamoto", "Żak", "Adeyemi", "Brânză", "Cissé", "Đorđević",
    "Eklund", "Ferreira", "Gauthier", "Hallgrímsdóttir", "Ibáñez", "Jäger", "Kivelä",
)  # fmt: skip
DEPARTMENTS: dict[str, tuple[str, ...]] = {
    "Engineering": ("Software Engineer", "Senior Software Engineer", "Site Reliability Engineer", "Test Engineer"),
    "Sales": ("Account Executive", "Sales Development Representative", "Solutions Consultant"),
    "Customer Care": ("Support Specialist", "Customer Success Partner", "Support Team Lead"),
    "Finance": ("Accountant", "Financial Analyst", "Payroll Specialist"),
    "People & Culture": ("People Partner", "Recruiter", "Learning Designer"),
    "Operations": ("Logistics Planner", "Facilities Coordinator", "Warehouse Associate", "Shift Lead"),
    "Marketing": ("Content Designer", "Campaign Manager", "Brand Designer"),
}
OFFICES = (
    ("Rotterdam", "NL", "Wilhelminakade 1, 3072 Rotterdam"),
    ("Kraków", "PL", "Rynek Główny 7, 31-042 Kraków"),
    ("Montréal", "CA", "1200 rue Sainte-Catherine, Montréal QC"),
    ("Nairobi", "KE", "Ngong Road 44, Nairobi"),
    ("Ōsaka", "JP", "1-1 Umeda, Kita-ku, Ōsaka"),
)
_PLAIN = str.maketrans(
    {
        "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ß": "ss", "đ": "d", "Đ": "D", "þ": "th", "æ": "ae",
        "ð": "d", "'": "", " ": "",
    }
)  # fmt: skip


def mailbox(given: str, surname: str) -> str:
    """``given.surname`` in letters any mail system takes."""
    import unicodedata

    text = unicodedata.normalize("NFKD", f"{given}.{surname}".translate(_PLAIN))
    return "".join(mark for mark in text if mark.isascii()).lower()
