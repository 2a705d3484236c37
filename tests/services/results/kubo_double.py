"""What stands for an IPFS node: the few commands of kubo's API that the store uses."""

from __future__ import annotations

import io

from fastapi import FastAPI, Request, Response
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from poco.services.results.cids import Layout, tree_of


class KuboDouble:
    """Keeps files in memory, and can be told to fail."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.options: dict[str, str] = {}
        self.is_down = False
        self.renames = False
        self.app = FastAPI()
        self.app.post("/api/v0/add")(self._add)
        self.app.post("/api/v0/cat")(self._cat)
        self.app.post("/api/v0/files/stat")(self._stat)
        self.app.post("/api/v0/pin/rm")(self._unpin)

    async def _add(self, request: Request, pin: str, chunker: str) -> Response:
        version = int(request.query_params["cid-version"])
        body = await request.body()
        if self.is_down:
            return Response("out of order", 500)
        kind, options = parse_options_header(request.headers["content-type"])
        files = FormDataParser().parse(io.BytesIO(body), kind, len(body), options)[2]
        content = files["file"].read()
        self.options = {"pin": pin, "chunker": chunker}
        layout = Layout(version, int(chunker.removeprefix("size-")))
        cid = "bafyanother" if self.renames else tree_of(io.BytesIO(content), layout).cid
        self.files[cid] = content
        return Response(f'{{"Name":"result","Hash":"{cid}","Size":"1"}}\n')

    def _cat(self, arg: str, offset: int, length: int) -> Response:
        return Response(self.files[arg][offset : offset + length])

    def _stat(self, arg: str, offline: str) -> Response:
        content = self.files.get(arg.removeprefix("/ipfs/"))
        if content is None or self.is_down:
            return Response('{"Message":"block was not found locally (offline)"}', 500)
        return Response(f'{{"Hash":"{arg}","Size":{len(content)}}}')

    def _unpin(self, arg: str) -> Response:
        if self.is_down:
            return Response('{"Message":"out of order"}', 500)
        if self.files.pop(arg, None) is None:
            return Response('{"Message":"not pinned or pinned indirectly"}', 500)
        return Response("{}")
