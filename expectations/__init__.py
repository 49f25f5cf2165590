"""Great Expectations suites, who-is-a-person rules, gates."""
