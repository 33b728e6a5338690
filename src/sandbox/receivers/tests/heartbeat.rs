use chrono::TimeDelta;

use super::*;
use crate::sandbox::receivers::Heartbeat;

#[tokio::test]
async fn silence_and_failure_alarm() {
    let switch = standing(Heartbeat::new()).await;
    let patience = TimeDelta::minutes(5);
    let is_alarmed =
        |minutes: i64| switch.look(|switch| switch.is_alarmed(now() + TimeDelta::minutes(minutes), patience));
    assert!(is_alarmed(0), "it never heard anything");
    let fail = Url::parse(&format!("{}/fail", switch.url())).unwrap();
    for (method, url, wanted) in [
        ("GET", &switch.url(), 200),
        ("POST", &switch.url(), 200),
        ("DELETE", &switch.url(), 405),
        ("GET", &switch.url().join("/ping/other").unwrap(), 404),
    ] {
        assert_eq!(send(method, url, "", "").await.unwrap().status, wanted, "{method} {url}");
    }
    assert!(!is_alarmed(5));
    assert!(is_alarmed(6));
    assert_eq!(send("POST", &fail, "", "the store does not commit").await.unwrap().status, 200);
    switch.look(|switch| {
        assert_eq!(switch.beats().len(), 2);
        assert_eq!(switch.failures()[0].1, "the store does not commit");
    });
    assert_eq!(switch.tally().pages, 1);
}
