//! Examples for the help of commands, three each. A test reads every one as a command line.

/// Path of a command and what follows it. Commands that bring their own are not here.
pub(super) const ALL: &[(&str, &[&str])] = &[
    ("convo list", &["", "--phone 447700900123", "--number 106540352242922 --json"]),
    ("convo show", &["c_01KB0ZQ3S8", "c_01KB0ZQ3S8 --at 12", "c_01KB0ZQ3S8 --json"]),
    ("convo journal", &["c_01KB0ZQ3S8", "c_01KB0ZQ3S8 --reverse", "c_01KB0ZQ3S8 --json"]),
    ("media put", &["menu.png", "list.bin --mime-type application/pdf", "menu.png --json"]),
    ("media get", &["m_0c0d", "m_0c0d --out menu.png", "1234567890 --out photo.jpg"]),
    ("media list", &["", "--direction in --state stored", "--kind image --json"]),
    ("media prune", &["--dry-run", "--older-than 30", "--older-than 30 --json"]),
    ("template list", &["", "--status approved", "--language en_US --json"]),
    ("template sync", &["", "--json", "--context prod"]),
    ("template show", &["order_shipped", "order_shipped --language en_US", "594425479261596 --json"]),
    ("event endpoints", &["", "--json", "--context prod"]),
    ("event resume", &["crm", "crm --json", "crm --context prod"]),
    ("event list", &["", "--state failed", "--endpoint crm --type run.finished --json"]),
    ("event show", &["evt_6f1c.crm", "evt_6f1c.crm --json", "evt_6f1c.crm --context prod"]),
    ("event replay", &["evt_6f1c.crm", "--state failed --endpoint crm", "--state failed --since 2026-11-27T09:00:00Z"]),
    ("bot list", &["", "bots", "--json"]),
    ("bot versions", &["welcome", "welcome --json", "welcome --context prod"]),
    ("flow list", &["", "--status draft", "--all --json"]),
    ("flow status", &["clinic_slots", "300100200300400", "clinic_slots --json"]),
    ("flow preview", &["clinic_slots", "clinic_slots --refresh", "clinic_slots --json"]),
    ("flow publish", &["clinic_slots --dry-run", "clinic_slots", "300100200300400 --json"]),
    ("flow deprecate", &["clinic_slots --dry-run", "clinic_slots", "300100200300400 --json"]),
    ("flow delete", &["clinic_slots --dry-run", "clinic_slots", "300100200300400 --json"]),
    ("flow clone", &["clinic_slots", "clinic_slots --name clinic_slots_2", "300100200300400 --json"]),
    (
        "context add",
        &[
            "prod --url https://bots.example:8081 --token-file /run/secrets/parlance",
            "local --url http://127.0.0.1:8081",
            "prod --url https://bots.example:8081 --dry-run",
        ],
    ),
    ("context list", &["", "--json", "--quiet"]),
    ("context use", &["prod", "local", "prod --dry-run"]),
    ("context remove", &["prod", "local", "prod --dry-run"]),
    (
        "setup",
        &[
            "http://127.0.0.1:8081/#/setup/setup_AbC --name elif",
            "http://127.0.0.1:8081/#/setup/setup_AbC --password-file password.txt",
            "http://127.0.0.1:8081/#/setup/setup_AbC --json",
        ],
    ),
    ("user list", &["", "--json", "--context prod"]),
    ("user show", &["elif", "elif --json", "u_01KB3J5N1Q8T2C4V6X8Z0A2B4D"]),
    (
        "user create",
        &[
            "elif --role responder --number 106540352242922",
            "noor --role operator --password-file password.txt",
            "noor --role viewer --dry-run",
        ],
    ),
    ("user passwd", &["elif", "elif --password-file password.txt", "elif --dry-run"]),
    ("user role", &["elif operator", "elif responder --number 106540352242922", "elif viewer --all-numbers --dry-run"]),
    ("user disable", &["elif", "elif --dry-run", "elif --json"]),
    ("user enable", &["elif", "elif --dry-run", "elif --json"]),
    ("user delete", &["elif --dry-run", "elif", "elif --json"]),
    ("token list", &["", "--json", "--context prod"]),
    (
        "token create",
        &[
            "shop --role responder --number 106540352242922 --expires 90d",
            "ci --role author --json",
            "ci --role viewer --dry-run",
        ],
    ),
    ("token revoke", &["shop --dry-run", "shop", "t_01KB3J5N1Q8T2C4V6X8Z0A2B4D --json"]),
    ("audit list", &["", "--who user:elif --limit 200", "--action /takeover --from 2026-11-27T09:00:00Z --json"]),
    ("audit export", &["--output audit.jsonl", "--format csv --output audit.csv", "--who token:shop"]),
    ("audit verify", &["", "--json", "--expect 12:0000000000000000000000000000000000000000000000000000000000000000"]),
    ("quarantine list", &["", "--reason unknown_number", "--json --context prod"]),
    ("quarantine release", &["12", "--reason unknown_number --dry-run", "--reason too_old --yes"]),
    (
        "quarantine drop",
        &[
            "12 --why 'a test of the old number'",
            "--reason unreadable --why 'a broken proxy' --dry-run",
            "--all --why 'a test'",
        ],
    ),
    ("completions", &["bash", "zsh", "fish"]),
    ("man", &["", "man1", "/usr/local/share/man/man1"]),
    ("version", &["", "--json", "--quiet"]),
    ("explain", &["PAR-0207", "par-0131", "PAR-0125"]),
    ("openapi", &["", "--quiet", "--color never"]),
];

/// The examples of a command.
pub(super) fn of(path: &str) -> Option<&'static [&'static str]> {
    ALL.iter().find(|(known, _)| *known == path).map(|(_, examples)| *examples)
}
