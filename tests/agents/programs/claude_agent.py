"""The Claude Agent SDK, which runs the Claude Code that it brings; switched on by itself."""

import asyncio
import os

import t800

t800.auto()
from claude_agent_sdk import ClaudeAgentOptions, query


async def main():
    with open("a.txt", "w") as file:  # noqa: ASYNC230 (the agent is to read it)
        file.write("hello")
    # Claude Code refuses to act without asking for root, except where it is told that nothing can be hurt.
    own = {"IS_SANDBOX": "1", "DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    options = ClaudeAgentOptions(
        model="reading", cwd=os.getcwd(), permission_mode="bypassPermissions", max_turns=5, env=own
    )
    async for _ in query(prompt=f"read it; the password is {os.environ['PLANTED']}", options=options):
        pass


with t800.session(agent="claude-agent-sdk"):
    asyncio.run(main())
