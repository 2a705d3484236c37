"""The indexer: the PoCo subgraph of iExec, made from the events of a market (spec sdk §7).

`Follower` keeps a view of the market in a database: it reads events, undoes what reorganisations
drop, and goes on where it stopped. `Bulks` fetches what the chain only names. `Indexer` answers
GraphQL queries, and `indexer_app` is its HTTP face.
"""

from poco.services.indexer.bulk import Bulks
from poco.services.indexer.endpoint import PATH, Indexer, indexer_app
from poco.services.indexer.follower import Follower, Head
from poco.services.indexer.tables import TABLES

__all__ = ["PATH", "TABLES", "Bulks", "Follower", "Head", "Indexer", "indexer_app"]
