//! Names that must lead somewhere, and never in a circle.
//!
//! Works on plain edges; what the nodes mean is the caller's business. No
//! recursion: a chain of a hundred thousand nodes is only a long loop.

/// One node needs another one.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    /// The needed node.
    pub to: usize,
    /// Where it is written.
    pub pointer: String,
}

/// A closed chain of nodes, and the edge that closes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cycle {
    /// The nodes in the order of need; the first one follows the last.
    pub nodes: Vec<usize>,
    /// Where the closing edge is written.
    pub pointer: String,
}

/// One cycle for every edge that closes one on a walk through the graph; none
/// exactly if the graph has none.
pub(super) fn cycles(edges: &[Vec<Edge>]) -> Vec<Cycle> {
    const MOST: usize = super::MAX_FAULTS;
    let mut mark = vec![Mark::New; edges.len()];
    let mut found = Vec::new();
    for start in 0..edges.len() {
        if mark[start] != Mark::New {
            continue;
        }
        mark[start] = Mark::Open;
        let mut chain = vec![(start, 0)];
        while let Some((node, next)) = chain.last_mut() {
            let Some(edge) = edges[*node].get(*next) else {
                mark[*node] = Mark::Closed;
                chain.pop();
                continue;
            };
            *next += 1;
            match mark[edge.to] {
                Mark::Closed => {}
                Mark::New => {
                    mark[edge.to] = Mark::Open;
                    chain.push((edge.to, 0));
                }
                Mark::Open if found.len() >= MOST => return found,
                Mark::Open => {
                    let nodes: Vec<usize> = chain
                        .iter()
                        .map(|(node, _)| *node)
                        .skip_while(|node| *node != edge.to)
                        .collect();
                    // A step may need another one in two ways: still one circle.
                    if found.iter().all(|cycle: &Cycle| cycle.nodes != nodes) {
                        found.push(Cycle { nodes, pointer: edge.pointer.clone() });
                    }
                }
            }
        }
    }
    found
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    Open,
    Closed,
}

/// `a → b → a`; a long chain shows its ends.
pub(super) fn spell(nodes: &[usize], name: impl Fn(usize) -> String) -> String {
    const SHOWN: usize = 8;
    let mut words: Vec<String> = nodes.iter().take(SHOWN).map(|node| name(*node)).collect();
    if nodes.len() > SHOWN {
        words.push(format!("… {} more …", nodes.len() - SHOWN));
    }
    words.extend(nodes.first().map(|node| name(*node)));
    words.join(" → ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[&[usize]]) -> Vec<Vec<Edge>> {
        edges
            .iter()
            .enumerate()
            .map(|(from, to)| {
                to.iter().map(|to| Edge { to: *to, pointer: format!("{from}>{to}") }).collect()
            })
            .collect()
    }

    #[test]
    fn names_the_cycle_and_its_closing_edge() {
        let found = cycles(&graph(&[&[1], &[2], &[1], &[0]]));
        assert_eq!(found, [Cycle { nodes: vec![1, 2], pointer: "2>1".to_owned() }]);
        assert_eq!(spell(&found[0].nodes, |node| node.to_string()), "1 → 2 → 1");
    }

    #[test]
    fn a_diamond_is_no_cycle_and_a_self_reference_is_one() {
        assert_eq!(cycles(&graph(&[&[1, 2], &[3], &[3], &[]])), []);
        assert_eq!(cycles(&graph(&[&[0]]))[0].nodes, [0]);
    }

    #[test]
    fn a_very_long_chain_does_not_overflow() {
        let long: Vec<Vec<Edge>> = (0..200_000)
            .map(|node: usize| vec![Edge { to: (node + 1) % 200_000, pointer: String::new() }])
            .collect();
        assert_eq!(cycles(&long).len(), 1);
    }
}
