"""A client of the Model Context Protocol and the server it starts; switched on by itself."""

import asyncio
import os
import sys

import t800

t800.auto()


def serve():
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("demo")

    @server.tool()
    def add(a: int, b: int) -> int:
        return a + b

    @server.tool()
    def boom(x: int) -> int:
        raise ValueError(f"password={os.environ['PLANTED']}")

    server.run()


async def ask():
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    server = StdioServerParameters(
        command=sys.executable, args=[__file__, "serve"], env={**os.environ, "T800_ENABLED": "0"}
    )
    with open(os.devnull, "w") as nothing:  # noqa: ASYNC230 (the server's stderr)
        async with stdio_client(server, errlog=nothing) as streams, ClientSession(*streams) as session:
            await session.initialize()
            assert not (await session.call_tool("add", {"a": 2, "b": 3})).is_error
            assert (await session.call_tool("boom", {"x": 1})).is_error


if len(sys.argv) > 1:
    serve()
else:
    with t800.session(agent="mcp"):
        asyncio.run(ask())
