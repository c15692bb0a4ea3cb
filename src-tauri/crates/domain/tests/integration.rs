//! Through what an agent is connected, and how far the desk says it reaches.

#![expect(clippy::unwrap_used, reason = "a test may")]

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::integration::{Integration, Reach, furthest};

#[test]
fn what_an_agent_says_it_is_built_with() {
    for (framework, integration) in [
        (None, Integration::Socket),
        (Some(""), Integration::Socket),
        (Some("my own loop"), Integration::Socket),
        (Some("handoff-cli"), Integration::CommandLine),
        (Some("Claude Code hook"), Integration::ClaudeCodeHook),
        (Some("Codex hook"), Integration::CodexHook),
        (Some("Gemini CLI hook"), Integration::GeminiHook),
        (Some("handoff-mcp"), Integration::McpServer),
        (Some("handoff-mcp-gate"), Integration::McpGate),
        (Some("handoff_desk for Python"), Integration::Python),
        (Some("langgraph"), Integration::LangGraph),
        (Some("LangGraph"), Integration::LangGraph),
        (Some("langgraph-server"), Integration::LangGraphServer),
        (Some("openai-agents"), Integration::OpenAiAgents),
        // Only the whole name counts: Claude Code alone is no hook, and nothing
        // that merely begins like one is.
        (Some("Claude Code"), Integration::Socket),
        (Some("handoff-mcp-gateway"), Integration::Socket),
    ] {
        assert_eq!(Integration::of(framework), integration, "{framework:?}");
    }
    assert_eq!(Integration::kept(Some("  ")), None);
    assert_eq!(Integration::kept(Some(" own ")).as_deref(), Some("own"));
    let long = "\u{e9}".repeat(5_000);
    assert_eq!(Integration::kept(Some(&long)).map(|kept| kept.chars().count()), Some(200));
}

/// What must be said, and what must not be promised. One row an integration.
#[test]
fn how_far_the_desk_reaches() {
    use Integration as I;
    use Reach as R;
    for (integration, asks, reach, held, unseen) in [
        (I::Socket, true, R::AsItAsks, "its own code", "acting unasked"),
        (I::Socket, false, R::HandsOver, "only hands over", "cannot hold back"),
        (I::CommandLine, true, R::AsItAsks, "its own code", "acting unasked"),
        (I::Python, false, R::HandsOver, "only hands over", "cannot hold back"),
        (I::ClaudeCodeHook, true, R::HookedCalls, "none whose hook fails", "without this hook"),
        (I::CodexHook, true, R::HookedCalls, "it shows the hook", "hook is killed runs"),
        (I::GeminiHook, true, R::HookedCalls, "it shows the hook", "hook is killed runs"),
        (I::McpServer, true, R::AsItAsks, "Its model asks", "does not ask is not held back"),
        (I::McpServer, false, R::HandsOver, "Its model asks", "does not ask is not held back"),
        (I::McpGate, true, R::GatedCalls, "none reaches the server", "other tools"),
        (I::LangGraph, false, R::AtInterrupts, "stops at its interrupts", "runs unasked"),
        (I::OpenAiAgents, false, R::AtInterrupts, "need approval wait", "runs unasked"),
        (I::LangGraphServer, false, R::AtInterrupts, "stop at their", "between two interrupts"),
    ] {
        let said = integration.enforcement(asks);
        assert_eq!(said.reach, reach, "{integration:?}");
        assert!(said.held.contains(held), "{integration:?}: {}", said.held);
        assert!(said.unseen.contains(unseen), "{integration:?}: {}", said.unseen);
        for words in [said.held, said.unseen] {
            assert!(words.ends_with('.') && !words.contains("  "), "{words:?}");
        }
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn the_furthest_counts_while_it_is_heard_of() {
    let now = at("2026-11-23T06:00:00Z");
    let (hook, mcp) = (Integration::ClaudeCodeHook, Integration::McpServer);
    let hours = |hours| now - TimeDelta::hours(hours);
    for (heard_of, counts) in [
        (vec![], Integration::Socket),
        (vec![(mcp, now)], mcp),
        (vec![(mcp, now), (hook, hours(2))], hook),
        (vec![(hook, now), (mcp, hours(2))], hook),
        // A hook that was taken out yesterday holds nothing back today.
        (vec![(mcp, now), (hook, hours(25))], mcp),
        // What was heard of long ago is still the best that is known.
        (vec![(mcp, hours(900)), (hook, hours(901))], hook),
        // Of two that reach as far, the later.
        (vec![(Integration::CodexHook, hours(1)), (hook, now)], hook),
    ] {
        assert_eq!(furthest(heard_of.clone(), true), counts, "{heard_of:?}");
    }
    // What never asks reaches less far than what stops at its interrupts.
    let quiet = [(mcp, now), (Integration::LangGraph, hours(1))];
    assert_eq!(furthest(quiet, false), Integration::LangGraph);
}
