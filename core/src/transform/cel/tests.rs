use proptest::prelude::*;
use serde_json::json;

use super::{members::Members, *};

fn target() -> SyncTarget {
    SyncTarget {
        name: "east".into(),
        uid: String::new(),
        labels: [("region".to_owned(), "eu".to_owned())].into(),
        annotations: BTreeMap::new(),
        spec: crate::config::SyncTargetSpec {
            cells: [("zone".to_owned(), "1".to_owned())].into(),
            ..Default::default()
        },
    }
}

fn object() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7", "labels": {"tier": "front"}},
        "spec": {
            "replicas": 3, "paused": false, "text": "a-b-c",
            "containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y:2"}],
            "data": {"z": "1", "a": "2", "m": "3"},
        },
        "status": {"replicas": 9},
    })
}

fn evaluate(text: &str) -> Result<Value, String> {
    let context = Context {
        namespace: "shop",
        workspace_name: "2xyz",
        workspace_path: Some("root:org"),
    };
    Expression::compile(text)?.evaluate(&object(), &target(), &context, Disclosure::Open)
}

#[test]
fn expressions_give_values() {
    let cases = [
        ("target.cells.zone", json!("1")),
        ("target.name + '-' + target.labels['region']", json!("east-eu")),
        (
            "namespace + '/' + workspace.name + '/' + workspace.path",
            json!("shop/2xyz/root:org"),
        ),
        ("object.spec.replicas + 1", json!(4)),
        ("object.spec.replicas > 2 ? 'many' : 'few'", json!("many")),
        ("double(object.spec.replicas) * 0.5", json!(1.5)),
        ("has(object.spec.missing) ? 1 : null", json!(null)),
        ("object.spec.?missing.orValue('none')", json!("none")),
        ("object.?metadata.?labels.?tier", json!("front")),
        ("object.?metadata.?labels.?none", json!(null)),
        ("object.spec.containers.map(c, c.image)", json!(["x:1", "y:2"])),
        (
            "object.spec.containers.filter(c, c.name == 'a').map(c, c.image)",
            json!(["x:1"]),
        ),
        ("object.spec.containers.all(c, has(c.image))", json!(true)),
        (
            "object.spec.data.map(k, k + object.spec.data[k])",
            json!(["a2", "m3", "z1"]),
        ),
        (
            "object.spec.text.split('-').map(p, p + target.name)",
            json!(["aeast", "beast", "ceast"]),
        ),
        ("object.spec.text.replace('-', '.')", json!("a.b.c")),
        ("['a', 'b'].join(',')", json!("a,b")),
        ("base64.encode(bytes('hi'))", json!("aGk=")),
        ("{'b': 1, 'a': [true, 2u, 1.5]}", json!({"a": [true, 2, 1.5], "b": 1})),
        ("object.metadata.name.matches('^w')", json!(true)),
    ];
    for (text, expected) in cases {
        assert_eq!(evaluate(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_people_did_not_write_is_out_of_sight() {
    for text in ["object.metadata.uid", "object.metadata.resourceVersion"] {
        assert!(evaluate(text).unwrap_err().contains("there is no key"), "{text}");
    }
    assert!(evaluate("object.status.replicas").unwrap_err().contains("out of sight"));
    assert!(evaluate("has(object.status)").unwrap_err().contains("out of sight"));
    assert_eq!(
        evaluate("object.map(k, k)"),
        Ok(json!(["apiVersion", "kind", "metadata", "spec"]))
    );
}

#[test]
fn mistakes_are_found_when_it_is_compiled() {
    let deep = format!("{}1{}", "(".repeat(40), ")".repeat(40));
    let long_chain = vec!["1"; 200].join("+");
    let long = format!("'{}'", "a".repeat(4096));
    let negations = format!("{}true", "!".repeat(3000));
    let cases = [
        ("", "Syntax error"),
        ("1 +", "Syntax error"),
        ("objekt.spec", "objekt is not known"),
        ("object.spec.shout()", "function shout is not known"),
        ("lists.range(100000000)", "not known"),
        ("Message{a: 1}", "messages are not supported"),
        ("object.l.map(a, object.l.map(b, b))", "a loop inside a loop"),
        ("object.l.map(object, object)", "cannot be the variable"),
        (&deep, "nested deeper"),
        (&long_chain, "too complex"),
        (&long, "longer than 4096"),
    ];
    for (text, part) in cases {
        let error = Expression::compile(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
    assert!(Expression::compile(&negations).is_ok(), "the parser folds them");
}

#[test]
fn mistakes_of_an_evaluation_are_named() {
    let cases = [
        ("target.cells.none", "there is no key \"none\""),
        ("object.spec.text.length", "does not take values of this type"),
        ("object.spec.replicas / 0", "division by zero"),
        ("object.spec.replicas + 'a'", "does not take values of this type"),
        ("9223372036854775807 + object.spec.replicas", "too large"),
        ("object.spec.containers[7]", "shorter"),
        ("int(object.spec.text)", "function int"),
        ("double('NaN')", "no finite number"),
        ("{1: 2}", "no text"),
        ("b'abc'", "base64.encode"),
        ("object.spec.text.find('[')", "function find"),
    ];
    for (text, part) in cases {
        let error = evaluate(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn the_deepest_expressions_fit_a_small_stack() {
    // Worker threads have 2 MiB, most of which is left to their callers.
    let brackets = format!("{}1{}", "[".repeat(31), "]".repeat(31));
    let sum = vec!["1"; 60].join(" + ");
    let conditions = "true ? 1 : ".repeat(25) + "2";
    let calls = format!("'a'{}", ".trim()".repeat(30));
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
        for text in [brackets, sum, conditions, calls] {
            let value = evaluate(&text);
            assert!(value.is_ok(), "{text}: {value:?}");
        }
        for opening in ["(", "[", "{'a':", "-(", "true?", "[1].map(x,", "f("] {
            let text = opening.repeat(4000 / opening.len());
            assert!(Expression::compile(&text).is_err(), "{opening}");
        }
        for chained in [".a", "+1", "?1:1", "[0]", "&&true", " in 1"] {
            let text = format!("1{}", chained.repeat(4000 / chained.len()));
            let _ = evaluate(&text);
        }
    });
    thread.unwrap().join().unwrap();
}

#[test]
fn nothing_is_quoted_where_a_secret_is_read() {
    let secret = json!({"data": {"password": "aHVudGVyMg==", "n": 5}});
    let context = Context {
        namespace: "shop",
        workspace_name: "",
        workspace_path: None,
    };
    for text in [
        "object.data[object.data.password]",
        "object.data.password + 1",
        "int(object.data.password)",
        "object.data.password.find('[' + object.data.password)",
        "object.data.password.substring(object.data.n * 100)",
        "[1][object.data.password]",
        "!object.data.password",
        "object.data.password in 5",
        "object.data.password.map(x, x)",
        "target.cells[object.data.password]",
        "[object.data].join(object.data.password)",
    ] {
        let expression = Expression::compile(text).unwrap();
        let error = expression
            .evaluate(&secret, &target(), &context, Disclosure::Withheld)
            .unwrap_err();
        assert!(!error.contains("aHVudGVyMg"), "{text}: {error}");
    }
}

#[test]
fn an_expression_knows_what_it_reads() {
    let read = |text: &str| Expression::compile(text).unwrap().checked;
    assert_eq!(read("target.name").object, Members::None);
    assert!(read("target.name").reads_target);
    assert!(!read("object.spec.x").reads_target);
    assert_eq!(
        read("object.spec.x + object['kind']").object,
        Members::Some(["kind".into(), "spec".into()].into())
    );
    assert_eq!(read("object[namespace]").object, Members::All);
    assert_eq!(read("[1].map(target2, target2)").object, Members::None);
}

#[test]
fn what_would_cost_too_much_is_refused() {
    let context = Context {
        namespace: "",
        workspace_name: "",
        workspace_path: None,
    };
    let run = |text: &str, object: &Value| {
        Expression::compile(text)
            .unwrap()
            .evaluate(object, &target(), &context, Disclosure::Open)
    };
    let large = json!({"data": {"a": "x".repeat(300 << 10)}, "kind": "ConfigMap"});
    assert!(run("object.data.a", &large).unwrap_err().contains("more than"));
    assert_eq!(
        run("object.kind", &large),
        Ok(json!("ConfigMap")),
        "it reads that member alone"
    );
    let medium = json!({"data": {"a": "x".repeat(100 << 10), "l": vec!["y"; 1000]}});
    assert!(
        run("object.data.l.map(y, object.data.a)", &medium)
            .unwrap_err()
            .contains("visit too much")
    );
    assert!(
        run("object.data.a.split('').map(y, y)", &medium)
            .unwrap_err()
            .contains("visit too much")
    );
    assert_eq!(run("size(object.data.l.map(y, y))", &medium), Ok(json!(1000)));
    let square = "object.data.a.replace('x', object.data.a)";
    assert!(run(square, &medium).unwrap_err().contains("function replace"));
    assert!(
        run("object.data.l.join(object.data.a)", &medium)
            .unwrap_err()
            .contains("function join")
    );
    let sum = ["object.data.a"; 12].join("+");
    assert!(run(&sum, &medium).unwrap_err().contains("too large"));
}

proptest! {
    #[test]
    fn any_text_compiles_or_is_refused(text in "[a-c0-9.()\\[\\]{}'\"+!?:,<>=&|\\\\ -]{0,60}") {
        let _ = evaluate(&text);
    }

    #[test]
    fn an_expression_gives_the_same_twice(keys in proptest::collection::btree_map("[a-z]{1,3}", 0..9i64, 0..12)) {
        let object = json!({"data": keys});
        let context = Context { namespace: "", workspace_name: "", workspace_path: None };
        for text in ["object.data.map(k, string(object.data[k]) + k)", "object.data", "object.data.filter(k, k > 'c')"] {
            let expression = Expression::compile(text).unwrap();
            let run = || expression.evaluate(&object, &target(), &context, Disclosure::Open).map(|value| value.to_string());
            prop_assert_eq!(run(), run());
        }
    }
}
