use std::num::NonZeroUsize;

use super::*;

fn options(seed: u64) -> DemoOptions {
    DemoOptions {
        length: std::time::Duration::from_secs(20),
        objects: NonZeroUsize::new(10).unwrap(),
        targets: NonZeroUsize::new(3).unwrap(),
        chaos: false,
        seed: Some(seed),
        admin_address: "127.0.0.1:0".parse().unwrap(),
        output: DemoOutput::Json,
    }
}

fn script(options: &DemoOptions) -> String {
    let fleet = Fleet::new(&FleetOptions::default()).unwrap();
    let script = plan(options, options.seed.unwrap(), &fleet).script();
    serde_json::to_string(&script).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_script() {
    assert_eq!(script(&options(7)), script(&options(7)));
    assert_ne!(script(&options(7)), script(&options(8)));
}

#[test]
fn chaos_adds_trouble_and_a_restart() {
    let calm = script(&options(7));
    let wild = script(&DemoOptions {
        chaos: true,
        ..options(7)
    });
    for act in ["trouble-begins", "restart"] {
        assert!(!calm.contains(act) && wild.contains(act), "{act}");
    }
}
