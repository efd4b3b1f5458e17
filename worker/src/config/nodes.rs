//! The nodes that a worker asks.

use serde::{Deserialize, Serialize};

/// Addresses of nodes of one chain, the preferred one first. In the file one address may stand without a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct NodeList(Vec<String>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    One(String),
    Several(Vec<String>),
}

impl TryFrom<Vec<String>> for NodeList {
    type Error = &'static str;

    fn try_from(nodes: Vec<String>) -> Result<Self, Self::Error> {
        match nodes.is_empty() {
            true => Err("name a node, such as \"ws://127.0.0.1:9944\""),
            false => Ok(Self(nodes)),
        }
    }
}

impl TryFrom<Written> for NodeList {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written::One(node) => Ok(node.into()),
            Written::Several(nodes) => nodes.try_into(),
        }
    }
}

impl From<NodeList> for Written {
    fn from(NodeList(mut nodes): NodeList) -> Self {
        match nodes.len() {
            1 => Self::One(nodes.remove(0)),
            _ => Self::Several(nodes),
        }
    }
}

impl From<String> for NodeList {
    fn from(node: String) -> Self {
        Self(vec![node])
    }
}

impl std::ops::Deref for NodeList {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn one_node_stands_alone_and_several_in_a_list() {
        let nodes = |text: &str| toml::from_str::<Config>(text).map(|config| config.node.to_vec());
        assert_eq!(nodes("node = \"ws://a\"").expect("one"), ["ws://a"]);
        let two = "node = [\"ws://a\", \"wss://b\"]";
        assert_eq!(nodes(two).expect("two"), ["ws://a", "wss://b"]);
        assert_eq!(nodes("").expect("the default"), ["ws://127.0.0.1:9944"]);
        let none = nodes("node = []").expect_err("no node").to_string();
        assert!(none.contains("name a node"), "{none}");
        for text in [two, "node = \"ws://a\""] {
            let config: Config = toml::from_str(text).expect("settings");
            assert!(config.to_text().expect("encodes").contains(text));
        }
    }
}
