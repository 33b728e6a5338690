use super::*;

/// Set to bring generated files up to date instead of failing.
const UPDATE: &str = "SNYKWATCH_UPDATE_GENERATED";

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_schema_in_the_repository_is_current() {
    let path = repository("config/schema.json");
    let current = format!("{:#}\n", schema());
    #[expect(clippy::disallowed_methods, reason = "a switch for whoever runs the tests, not configuration")]
    let update = std::env::var(UPDATE).is_ok();
    if update {
        fs::write(&path, &current).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == current, "run the tests with {UPDATE}=1 to bring {} up to date", path.display());
}

#[test]
fn the_examples_can_be_used_and_obey_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for name in ["config/minimal.example.yaml", "config/snykwatch.example.yaml"] {
        let path = repository(name);
        let loaded = load(&path, Secrets::Skip, now()).unwrap_or_else(|problems| panic!("{problems}"));
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
        assert!(!loaded.config.shown().is_empty() && !loaded.config.egress().is_empty());
        assert_eq!(loaded.config.files.len(), 2, "the file and its fragment");
        let value: serde_json::Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

#[test]
fn the_full_example_shows_every_default_and_every_key() {
    let config = load(&repository("config/snykwatch.example.yaml"), Secrets::Skip, now()).unwrap().config;
    assert_eq!(config.conditions, ConditionSettings::default());
    assert_eq!(config.rules, AlertRules::default());
    assert_eq!(config.http.connect_timeout, http::DEFAULT_CONNECT_TIMEOUT);
    assert_eq!(config.http.request_timeout, http::DEFAULT_REQUEST_TIMEOUT);
    let text = fs::read_to_string(repository("config/snykwatch.example.yaml")).unwrap();
    let mut keys = std::collections::BTreeSet::new();
    property_names(&schema(), &mut keys);
    let missing: Vec<_> = keys.into_iter().filter(|key| !text.contains(&format!("{key}:"))).collect();
    assert!(missing.is_empty(), "not in the example: {missing:?}");
}

fn property_names(value: &serde_json::Value, keys: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::Object(map) => {
            if let Some(serde_json::Value::Object(properties)) = map.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            map.values().for_each(|value| property_names(value, keys));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|value| property_names(value, keys)),
        _ => {}
    }
}

#[test]
fn what_is_shown_can_be_read_again() {
    let config = load(&repository("config/snykwatch.example.yaml"), Secrets::Skip, now()).unwrap().config;
    let value: serde_json::Value = serde_saphyr::from_str(&config.shown()).unwrap();
    assert_eq!(value["integrations"]["acme-bitbucket"]["conditions"]["max_lag"], "1d6h");
    assert_eq!(value["schedule"]["webhooks"]["cron"], "30 3 * * *");
    assert_eq!(
        value["credentials"]["bitbucket-acme"]["bitbucket_cloud"]["api_token"]["token"],
        "<secret from env BITBUCKET_TOKEN>"
    );
}
