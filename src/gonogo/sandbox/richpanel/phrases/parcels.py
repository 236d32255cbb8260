"""The phrases about a parcel on its way, not on its way yet, or gone astray."""

from gonogo.sandbox.richpanel.phrases.notation import read_named, read_phrases

WORDS = read_named(r"""
order = (?:orders?|purchases?|packages?|parcels?|shipments?|deliver(?:y|ies)|items?|products?|goods|stuff|things?|
     merch\w*)
parcel = (?:orders?|packages?|parcels?|shipments?|deliver(?:y|ies)|purchases?|box(?:es)?)
""")

ORDER_STATUS = read_phrases(r"""
1    \bwhere(?:'s|s|'re| is| are| in the world| on earth| the \w+| tf|'d| did| has| could| might|
     [ ]can)?<g>(?:<order>|it|they|my (?!refund|money|discount|code|coupon|voucher|\d|account|password|receipt|
     invoice|points|gift|promo|cart|reply|response|answer|confirmation)\w+)\b(?! refund)
1    \b(?:track|tracking|trace)<g>(?:<parcel>|numbers?|links?|info\w*|status|id|codes?|updates?|page|site|items?|my|
     number|details)\b
1    \b(?:number|link|info\w*|details)<s>(?:to|for) (?:track|tracking)\b|\bno tracking\b|
     \btracking<g>(?:not|n't|hasn't|no|stuck|says|shows|says|still|stopped)\b
1    \b(?:status|updates?|eta|progress|whereabouts|news|word|info\w*|location)<g>(?:<parcel>|item|#? ?\d{4,}|
     my \w+)\b|\b(?:order|delivery|package|shipment|shipping|parcel) (?:status|updates?|progress|eta)\b
1    \b(?:when|what day|what time|how soon|how long|how much longer)\b<w>(?:arriv\w+|come|coming|get here|be here|
     delivered|deliver|receive|get it|get my|expect\w*|show up|reach\w*|turn up|here|getting my|get the|get them|
     have it)\b
1    \b(?:hasn't|haven't|has not|have not|not|never|didn't|did not|still|yet to|isn't|is not|ain't|
     nothing)<g>(?:arriv\w+|shown up|showed up|show up|turned up|turn up|come yet|came|come in|reached me|made it|
     gotten here|here yet|been delivered|be delivered)\b
1    \b(?:hasn't|haven't|has not|have not|not|never|didn't|did not|still no|yet to|don't)<s>(?:even |yet |actually |
     ever )?(?:received|receive|gotten|got|get|seen|have|had)<g>(?:<parcel>|items?|stuff|products?|goods|it|them|
     anything|things|merch\w*)\b
1    \bwaiting<s>(?:for|on)<g>(?:<parcel>|items?|stuff|it|them|things|arrive|come|products?)\b|\bstill waiting\b|
     \bstill no<s>(?:<parcel>|items?|sign)\b|\bno sign of<g>(?:<parcel>|it|item)\b
1    \b(?:expected|estimated|projected|anticipated) (?:delivery|arrival)\b|
     \bdelivery (?:date|estimate|window|eta)\b|\barrival (?:date|time)\b|\beta\b
1    \bstuck<g>(?:transit|customs|warehouse|facility|hub|depot|sorting|same|post office|terminal)\b|
     \blost in (?:transit|the mail|the post|shipping)\b|\bout for delivery\b|\bin transit\b|\bheld<s>customs\b
1    \b(?:hasn't|not|no|haven't|stopped)<s>(?:moved|updat\w+|movement|scanned|been updated)<g>(?:days?|weeks?|since|
     tracking|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b
1    \b(?:did|has|have|is|was)<s>(?:my|the|our)<s>(?:\w+ )?(?:<parcel>|item)<s>(?:ship|shipped|been shipped|
     gone out|left|go through|on its way|on the way|dispatched|been dispatched|sent|been sent|out|coming)\b
1    \b(?:no|never|didn't|haven't|not|without)<g>confirmation(?: e-?mail| number| message)?\b
1    \b<parcel><g>(?:lost|missing|disappeared|vanished|mia)\b|\b(?:lost|missing) (?:package|parcel|order|shipment|
     delivery)\b
1    \b(?:returned|going back|sent back|return(?:ing)?)<s>to<s>sender\b|\bwhy<g>order<g>cancelled\b|
     \border<g>(?:was|been|got|is) cancelled\b
1    \b(?:locate|find|check(?: on)?|look (?:up|into)|follow(?:ing)? up on|check up on|chase|chasing|checking on|
     checking in on|any idea (?:on|about))<s>(?:my|the|on my|our|for my|an|about my)<s>(?:\w+ )?<parcel>\b
1    \bhow (?:far|close) (?:away )?is my\b|\b(?:is|are)<s>(?:my|the)<s><parcel><g>(?:coming|on (?:its|the) way|
     close|soon|lost)\b|\bdelivery (?:today|tomorrow)\b
0.5  \border (?:number |no\.? |id )?#? ?\d{4,}\b
0.5  \bshipping (?:confirmation|update|info\w*)\b|\btracking\b
1    \b(?:has|have|did|is|was|are)<s>(?:it|this|that|they|items?|everything)<s>(?:ship|shipped|sent|dispatched|left|
     leave)\b
1    \bdid (?:you|u) (?:get|receive|see|process) my order\b
1    \b(?:has|have|was|will)<s>(?:<parcel>|it|item)<s>delivered\b|\b(?:has|have|was|will)<s>(?:<parcel>|it|
     item) be(?:en)? delivered\b
1    \b(?:ordered|bought|placed)\b<w>\b(?:ago|last week|last month|weeks?|days)\b<x>\b(?:nothing|heard|no (?:word|
     news|update|email|sign)|still|yet)\b
1    \bany (?:updates?|news|word)\b
""")

SHIPPING_DELAY = read_phrases(r"""
1    \b(?:hasn't|haven't|has not|have not|not|isn't|is not|never|wasn't|yet to|hadn't|didn't|did not|
     won't)<s>(?:been |be |even |yet |got |actually )*(?:ship|shipped|shipping(?! to)|dispatched|sent out|
     left the (?:warehouse|facility)|left your|fulfilled|mailed|posted|gone out|moved from processing|been sent|
     processed)\b(?! to\b)
1    \bnothing(?:'s| is| has| was| got| gets)?<s>(?:been |yet |even )*(?:shipped|dispatched|sent|posted|mailed|gone out|
     left)\b
1    \bunshipped\b|\bunfulfilled\b|\blabel (?:has been |was |is |only )*(?:created|printed|generated)\b|
     \bpre-?shipment\b|\bawaiting (?:shipment|dispatch|fulfil\w+|shipping|pickup|carrier)\b|
     \bnot yet (?:shipped|dispatched)\b
1    \b(?:order|status|it|still|package|purchase)s?<g>(?:(?:still|stuck|been|says|shows|saying|just|only)<s>(?:in |
     on |at |as )?(?:processing|pending|preparing|preparation|on hold|hold|received|confirmed|being (?:packed|
     prepared|processed)))\b
1    \bwhen\b<g>(?:ship|shipped|ship out|dispatch\w*|sent out|leave|go out|be sent|be posted|be mailed|fulfilled|
     shipping|going out|send it|send my|sending)\b(?! to\b)
1    \bshipping delays?\b|\bdelay<g>(?:shipping|shipment|delivery|sending|order)\b|
     \bwhy<g>(?:not|n't|taking|so long|delay\w*)<g>(?:ship\w*|dispatch\w*|send\w*|deliver\w*|order)\b
1    \b(?:long|days?|weeks?|forever|time|ages)<g>(?:to ship|to dispatch|to process|to send out|to be shipped|
     to leave)\b|\b(?:ordered|order|placed|purchased|bought)<w>(?:ago|days|weeks|month)<x>(?:not|n't|still|nothing|
     no)<g>(?:ship\w*|dispatch\w*|sent|mov\w+|processing)\b
1    \b(?:back[ -]?ordered|on back[ -]?order)\b
1    \b(?:hold ?-?up|holding up|hold up)\b<x>\b(?:ship\w*|order|deliver\w*|dispatch\w*)\b
1    \b(?:ship|shipping|dispatch) date\b<g>(?:passed|past|missed|gone|came and went|over|later)\b
1    \b(?:said|says|promised|supposed|advertis\w+|guarantee\w*|claims?)\b<g>(?:ships?|shipped|shipping|
     dispatch\w*)<s>(?:in|within|by|on|same|next)\b
""")

LATE = read_phrases(r"""
1    \b<parcel><g>(?:delayed|late|overdue|taking (?:so|too|forever|ages|way|a while|long)|behind schedule|postponed|
     pushed back)\b|\b(?:delayed|late|overdue) (?:order|package|delivery|shipment|parcel|shipping)\b|
     \bdelay(?:ed|s)?\b
1    \b(?:supposed|meant|due|scheduled|expected|promised|guaranteed)<g>(?:arrive|be here|ship|come|be delivered|
     get here|have (?:arrived|been)|delivery|by|on|within|last|yesterday)\b
1    \bshould(?:'ve| have)<s>(?:arrived|been here|been delivered|come|shipped|gotten|got here|been shipped)\b|
     \bpast<s>(?:due|estimated|expected|delivery|promised)\b|\b(?:days|weeks|week) late\b|\boverdue\b|
     \btaking (?:so|too|forever|way too) long\b|\btaking (?:forever|ages)\b
1    \b<order><s>(?:is|are|was|were|running)<s>(?:late|delayed|overdue)\b
""")

DELIVERED_NOT_RECEIVED = read_phrases(r"""
1    \b(?:delivered|dropped off|delivery (?:is |was )?(?:complete\w*|confirmed)|signed for|left (?:at|on|in|
     by) (?:my|the|our) (?:\w+ )?(?:door|porch|step\w*|mailbox|lobby|reception|front|safe place))\b<x>\b(?:not|
     never|no|nothing|nowhere|none|missing|empty|gone|disappeared|vanished|stolen|where is it|isn't|don't|didn't|
     haven't|hasn't|can't|cannot|wasn't|without|still waiting|couldn't|doesn't|where's|where is)\b
1    \b(?:not|never|nothing|n't|no|haven't|hasn't|didn't|don't|isn't|none|still)\b<g>(?:received|receive|got|gotten|
     get|here|arriv\w+|see|seen|came|come|have|package|parcel|there)\b<x>\b(?:(?:say\w*|show\w*|mark\w*|list\w*|
     claim\w*|stat\w+|indicat\w*|insist\w*|was|been|it's|supposedly|apparently|allegedly|
     as)<s>(?:\w+ )?(?:delivered|dropped off))\b
1    \bporch pirates?\b|\b(?:stolen|swiped|taken|nicked|pinched) (?:from|off)<g>(?:porch|door\w*|mailbox|steps?|
     front|lobby|hallway|driveway)\b|\b(?:someone|somebody|thief|neighbor|neighbour)<g>(?:stole|took|nicked|swiped|
     pinched|walked off with)<s>(?:my|the|our)<s>(?:package|parcel|delivery|order|box)\b
1    \b(?:package|parcel|delivery|order)<g>(?:stolen|swiped|nicked|pinched)\b|
     \bstolen (?:package|parcel|delivery|order)\b
1    \b(?:deliver\w*|left|leaving|dropped|gave|given|handed|misdelivered|went|brought|arrived)<g>(?:neighbor\w*|
     neighbour\w*|someone else|somebody else|stranger|next door|(?:wrong|different|another|other|
     incorrect)<s>(?:address|house|door|person|apartment|unit|building|porch|place|home|flat|street|location|
     customer|city|state|town))\b
1    \bmis-?delivered\b|\bproof of delivery\b|\b(?:not|isn't|wasn't) my (?:house|door|porch|building|doorstep|
     front door|signature)\b|\bnot (?:at|on|in|by)<s>(?:door|doorstep|porch|mailbox)\b<x>\bdelivered\b
1    \bdelivered\b<g>(?:not here|not there|nowhere|to nobody|yesterday but|but)\b|
     \b(?:fake|false)<s>(?:delivery|delivered)\b
1    \b(?:delivered|delivery|dropped off|handed|left)<g>(?:resident|outside|door|porch|lobby|confirmed|complete\w*|
     mailbox)?\b<x>\b(?:nowhere to be found|it's gone|is gone|was gone|disappeared|vanished|got nothing|
     have nothing|found nothing|nobody rang|no one rang|nobody came|no one came|no one knocked|nobody knocked)\b
1    \b(?:confirm\w*|claim\w*|report\w*|insist\w*)<s>(?:the |it |that )*(?:delivery|delivered|
     was delivered)\b<x>\b(?:not|never|no|nothing|nowhere|n't)\b
1    \bhanded to (?:resident|me|occupant|someone|a person|neighbor)\b<x>\b(?:nothing|not|never|n't|alone)\b
1    \b(?:photo|picture|image|proof)<g>(?:somebody|someone|stranger|other people|different|not my|isn't my|
     wrong)\b<x>\b(?:porch|door\w*|house|step|building|place|home|driveway)\b
1    \bdelivered\b<w>\b(?:on|at|yesterday|today|monday|tuesday|wednesday|thursday|friday|saturday|
     sunday)\b[\s\S]{0,160}?\b(?:was (?:at )?home|nobody|no one|neighbou?rs?|checked (?:the|my|everywhere|with)|
     looked everywhere|asked (?:my|the|around))\b
1    \b(?:someone|somebody|neighbou?r|stranger|person|not me|nobody here)<g>signed for\b|
     \bsigned for<g>(?:someone|somebody|not me|stranger|neighbou?r)\b
1    (?<!be )(?<!being )\b(?:delivered|left|dropped)<g>(?:my|our|the) (?:old|previous|former|last) (?:address|house|
     place|home|flat|apartment)\b
""")
