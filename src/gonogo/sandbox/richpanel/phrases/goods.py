"""The phrases about what was in the parcel, and about giving it back."""

from gonogo.sandbox.richpanel.phrases.notation import read_named, read_phrases

WORDS = read_named(r"""
few = (?:one|1|two|2|three|3|four|4|five|5|half|part|some|\d+|a single|single|a few|a couple)
part = (?:items?|parts?|pieces?|products?|accessor\w+|chargers?|cables?|cords?|lids?|screws?|manual|caps?|bottles?|
     straps?|adapters?|batter(?:y|ies)|remote|refills?|filters?|pump|bolts?|legs?|covers?|samples?|freebie|
     free gift|gift|component\w*|hardware|bits?|sock|shoe|mugs?|plates?|cups?|things?|pair|packs?|packets?|boxes)
box = (?:order|box|package|parcel|shipment|delivery|bag|kit|set|envelope|packaging|pack|carton|packet|bundle)
bad = (?:damaged|broken|cracked|shattered|smashed|crushed|dented|torn|ripped|scratched|chipped|bent|leak(?:ed|ing|s|
     y)?|spilled|spilt|split|defective|faulty|ruined|destroyed|in (?:\w+ )?pieces|mouldy|moldy|melted|stained|
     rotten|warped|soaked|soaking|squashed|snapped|busted|wrecked|mangled|frayed|burst|dead on arrival|doa|rusty|
     rusted|in bits|knackered|unusable|scuffed|dirty|flattened|fractured|expired|spoiled|spoilt|discolou?red|
     battered|bashed|unsealed|contaminated)
""")

MISSING_ITEMS = read_phrases(r"""
1    \b(?:missing|left out|forgot|forgotten|omitted|lacking|lacks)<g>(?:<part>|one of|from (?:my|the|our|it|
     this)<s><box>|in (?:my|the|our)<s><box>|\d+ of)\b
1    \b<part><g>(?:missing|not (?:there|in|included|inside|in the)|wasn't (?:there|in|included|inside)|
     weren't (?:there|in|included|inside)|isn't (?:there|in|included|inside)|left out|absent|nowhere to be found|
     never came|didn't come)\b
1    \b(?:one|two|three|four|half|some|something|several|rest|part|another|other|the second|a \w+|the \w+|
     my \w+)<s>(?:of )?(?:is|are|was|were|wasn't|weren't|isn't|aren't)<s>(?:missing|not included|not in the|
     in the box|included|inside|left out)\b<x>
1    \b(?:only|just)<s>(?:received|got|came|sent|contained|had|arrived|included|found|delivered|gave|see|
     have)<g><few>\b|\b(?:received|got|sent|arrived|found|contained|had|delivered|there (?:was|were|is|
     are))<s>(?:only|just)<s><few>\b|\bonly <few><s>(?:\w+ )?(?:of|out of|came|arrived|was|were|in|items?|showed|
     turned|made|got)\b
1    \bordered (?:a (?:set|pair|pack) of )?(?:<few>|several|multiple)\b<w>(?:only|just|
     but)<w>(?:<few>)\b<x>(?:arriv\w+|came|receiv\w+|got|in the|showed|was|sent|box)\b|
     \bordered<w>(?:only|just) (?:got|received|sent|came|arrived|one|1|two|2)\b
1    \bincomplete<s><box>\b|\b<box><g>incomplete\b|\bpartial<s>(?:order|shipment|delivery)\b|\bshort[ -]?shipped\b|
     \b(?:items?|bottles?|pairs?|packs?|box(?:es)?|<few>) short\b|\bshort (?:by )?(?:one|1|two|2|\d+|an item)\b
1    \bwhere(?:'s| is| are)<s>(?:the|my)<s>(?:rest|other|remaining|second|missing)\b|
     \b(?:rest|remainder|other half|other (?:items?|parts?|pieces?|one|box)|second (?:item|box|half|
     part))<g>(?:missing|never|didn't|not|where|wasn't|weren't)\b
1    \b(?:forgot|failed|neglected) to (?:include|send|pack|put|add|ship)\b|
     \b(?:came|arrived|delivered|shipped|sent|received<s>)<s>without<s>(?:the |a |an |any |my )?<part>\b|
     \b(?:didn't|did not|doesn't) (?:come|arrive|ship) with\b
1    \b(?:box|package|envelope|parcel|bag|carton)<s>(?:was|is|came|arrived)<s>(?:completely |totally )?empty\b|
     \bempty (?:box|package|envelope|parcel|bag|carton)\b|\bnothing (?:was )?(?:in|inside) (?:the|my|it)\b
1    \b(?:didn't|did not|never|haven't|not)<s>(?:receive|received|get|got|gotten)<s>(?:all|everything|the full|
     the whole|the complete|part of|one of|some of|half)\b|\bnot (?:everything|all)<g>(?:arriv\w+|was|were|came|
     there|includ\w+|in|here)\b|\b(?:isn't|wasn't|not) all there\b|\b<box><g>(?:missing|short) <g>?(?:<few>|a|an|my|
     the)\b
1    \b<box><g>(?:is|was|came|arrived)<s>missing<s>(?:a|an|the|my|some|one|two|several|\d+)\b|
     \bmissing<s>(?:a|an|the|my|one|two|some|several) \w+(?: \w+)?<s>(?:from|in|out of)\b
1    \b(?:you|they|u|someone|whoever packed it)(?: guys)?<s>(?:left out|forgot|omitted|skipped|missed)<s>(?:the|my|
     one|a|two|some|an|our)\b
1    \b<few> of<g>(?:missing|weren't in|wasn't in|not in|were not|was not|never|didn't|weren't|wasn't)\b
1    \b(?:\d+|one|two|three|four|five|six) (?:out )?of (?:the |my )?(?:\d+|two|three|four|five|six|seven|eight|
     ten)\b(?! (?:days?|nights?|weeks?|months?|years?|hours?|minutes?|times?|people|friends?|calls?|e-?mails?)\b)
1    \b(?:box|package|delivery|parcel|order|opened|kit|
     shipment)\b<x>(?<!package )(?<!parcel )(?<!order )(?<!delivery )(?<!it )\b(?:was|were|is|are)(?:n't|
     [ ]not)<s>(?:there|in it|inside|included)\b
1    \bno <part><s>(?:in|inside|included|with)\b
1    \b(?:got|received|sent|there was|there were|shipped|came)<s><few><g>(?:rather than|instead of|not|out of|
     of the)<s><few>\b
1    \b(?:should|supposed to|meant to|expected to)<s>(?:have )?(?:received?|get|got|gotten|be|contain|include|
     come with)<s><few>\b<w>(?:got|received|only|just|but|there|came)\b
""")

WRONG_ITEM = read_phrases(r"""
1    \b(?:received|receive|got|gotten|sent|send|shipped|delivered|gave|mailed|packed|came|arrived|turned up|
     showed up|inside|contains?|is|was|it's)<g>(?:wrong|incorrect)<s>(?!address|house|price|amount|email|link|
     answer|info\w*|charge|code|message|person|place|door|time|day|date|team|department|number|street|apartment|
     flat|unit|city|home)\w+
1    \b(?:wrong|incorrect) (?:item|product|order|one|size|color|model|thing|parcel|package|shipment|flavor|flavour|
     style|version|pair|shade|stuff|goods|variant|scent|article|type)s?\b
1    \b(?:not|isn't|wasn't|aren't|weren't|nothing like|n't)<s>(?:\w+ )?(?:what|the (?:one|ones|item|product|color|
     size|thing|model|style|flavor)s?)(?: that)? (?:i|we)(?:'d|'ve| had| have)? (?:\w+ )?(?:ordered|bought|asked|
     purchased|paid|wanted|chose|requested|selected|picked|order)\b
1    \b(?:received|got|sent|came|arrived|delivered|shipped)<w>instead of\b|
     \b(?:received|got|sent|shipped|delivered)<g>(?:a|an|some)<s>(?:\w+ ){0,3}instead\b|
     \binstead of<w>(?:ordered|asked for|i wanted)\b
1    \bordered<w>(?:but|and|instead|yet|however|then)<s>(?:i |you |we |they |u )?(?:got|received|sent|was sent|
     were sent|shipped|sent me|delivered|have received|been sent|ended up with|given)<s>(?:me )?(?:a|an|size|men's|
     women's|mens|womens|kids|red|blue|black|white|green|pink|grey|gray|yellow|brown|purple|orange|beige|silver|
     gold|small|medium|large|xl|xs|xxl|s|m|l|completely|totally|something|entirely|different|the (?:red|blue|black|
     white|green|pink|grey|gray|small|medium|large|other|regular|old))\b
1    \b(?:someone|somebody|other (?:person|people|customer)|another (?:person|customer|lady|woman|man|guy)|
     different (?:person|customer))(?: else)?'s<s>(?:order|package|items?|parcel|stuff|things|purchase)\b|
     \b(?:not|isn't|wasn't) my order\b
1    \b(?:received|got|sent|came|shipped|delivered|arrived)<g>(?:different|another|other)<s>(?:item|product|size|
     color|model|one|thing|version|style|flavor|flavour|brand|pair|shade|scent)\b|
     \b(?:completely|totally|entirely) different<s>(?:item|product|thing|from|than|to|color|size|one|order)\b|
     \bdifferent (?:from|than|to) what\b
1    \b(?:doesn't|does not|don't|didn't)<s>match<g>(?:ordered|order|description|picture|photo|website|listing|
     pictures|photos)\b|\bnot as (?:described|advertised|pictured|shown)\b
1    \b(?:never|didn't|did not|haven't)<s>order(?:ed)?<s>(?:this|these|that|those|any of (?:this|
     these))\b(?! (?:charge|transaction|purchase|order))
1    \bmix(?:ed)?[ -]?up<g>(?:order|package|item|shipment|parcel)\b|\b(?:order|package|item|shipment|parcel|
     warehouse)s?<g>mix(?:ed)?[ -]?up\b|\bsent (?:me )?(?:the )?(?:men's|women's|kids'?) instead\b
1    \b(?:received|got|sent|delivered)\b[^.!?\n]{3,50}?(?:,|;| -| but| though| when| however| and) ?(?:i|
     we)<s>(?:ordered|wanted|asked for|paid for)\b(?!<w>(?:ago|last|yesterday|days?|weeks?|since|online))
1    \b(?:not|isn't|wasn't|aren't) my (?:stuff|items?|things|order|product)\b
1    \b(?:and|but|though|when|while|yet)<s>(?:i|we)<s>ordered<s>(?:s|m|l|xl|xxl|xs|small|medium|large|men's|women's|
     black|white|red|blue|green|pink|gr[ae]y|yellow|brown|purple|orange|beige)\b
1    \bordered (?!<few>)[\w'-]+(?: [\w'-]+){0,2}(?:,|;| -| but| and| yet)+ (?:i |you |we |they )?(?:got|received|
     sent|was sent|were sent|been sent)(?: me)? (?!it|them|nothing|only|just|one|no|none|half|\d|a (?:confirmation|
     notification|message|text|email|tracking)|an (?:email|error|update)|confirmation|my|charged|billed|broken|
     damaged|to|the (?:wrong (?:price|address)|tracking|confirmation|package|parcel|order|notification|
     email))[\w'-]+
1    \b(?:isn't|wasn't|not|aren't)<s>(?:right|correct)<s>(?:item|product|one|size|color|model|thing|order|version|
     flavor)\b
1    \b(?:got|received|sent|get|came|arrived|was sent)\b<w>\bwhen<s>(?:ordered|bought|wanted|asked|purchased)\b|
     \bsupposed to<s>(?:get|receive|be|have)<w>but<w>(?:came|arrived|received|got|sent|was in)\b(?!<s>(?:yet|only|
     just|late))
1    (?:^|[.!?,] )instead of<w>(?:received|got|sent)\b
""")

DAMAGED = read_phrases(r"""
1    \b<bad>\b
1    \bdamages?\b|\bdefects?\b|\bbroke\b(?! (?:the law|up))|\bcrack\b|\bsmashed\b
1    \b(?:cracks?|scratch(?:es)?|dents?|tears?|rips?|holes?|stains?|chips?|leaks?|scuffs?|fractures?|scuff marks?|
     mold|mould) (?:in|on|down|across|along|all over|at|through|everywhere)\b|
     \bhas (?:a|an|two|some|several)<s>(?:crack|scratch|dent|tear|rip|hole|stain|chip|leak|scuff|defect)\w*
1    \bfell apart\b|\bfalling apart\b|\bcame apart\b|\b(?:poor|bad|terrible|horrible|awful|rough) (?:condition|
     shape)\b|\bin (?:two|2|three|3|a million|several|many) (?:pieces|parts|bits)\b|
     \b(?:snapped|split|broke) in (?:half|two)\b
1    \b(?:seal|packaging|lid|bottle|glass|jar)<s>(?:was|is|were|had been)<s>(?:broken|open|opened|loose|popped)\b
1    \b(?:stitching|seam|thread|sole|zipper|zip|handle|strap|hinge|button|screw|lid|glue|paint|heel|clasp|
     strap)s?<g>(?:undone|came off|coming off|fell off|came loose|loose|detached|peeling|peeled|unravel\w*|off|
     gave way)\b|\bpeeling off\b|\bunravel\w*
""")

RETURN = read_phrases(r"""
1    \b(?:want\w*|like|need\w*|wish|love|try\w*|going|how|can|could|may|possible|able|please|let|help|start\w*|
     initiat\w+|begin|process\w*|arrange|set up|request\w*|make|do|open|looking|plan\w*|decided|hoping|prefer|have|
     rather|must|just|about|for|ready|wondering|will|should|i'll|requesting)<g>return(?:ing|s)?\b(?! (?:customer|
     my call|the call|my email|call|to sender|my money|the money|to stock|my (?:message|emails?|calls?)))
1    \breturn (?:labels?|process|policy|request|instructions|authorization|authorisation|slip|form|window|shipping|
     portal|options?|address|it|this|them|these|my|the|an|a|for|one|everything|both)\b(?! (?:call|money|customer))
1    \breturns (?:process|policy|department|team|portal|page|label|form)\b|\brma\b|
     \breturn\?|^\W*returns?\W*$|\breturn (?:and|&) refund\b|\breturning\b(?! customer)|\breturns? please\b|
     \bplease return\b(?! my)
1    \b(?:send|sending|ship|shipping|mail|mailing|give|bring|take|post|posting|giving)<s>(?:it|this|that|them|these|
     those|the (?!money)\w+|my (?!money|cash|funds)\w+|an? \w+|everything|item|items|
     order)?<s>back\b(?! in stock)(?!\w)
0.4  \b(?:doesn't|didn't|don't|does not) (?:fit|like|suit|work for)\b|\btoo (?:small|big|large|tight|loose)\b|
     \bchanged my mind\b|\bnot (?:happy|satisfied|what i expected)\b
0.6  \b(?:don't|do not|no longer) (?:want|need|like) (?:it|this|them|these)(?: anymore| any more| any longer)?\b
1    \b(?:give|giving|hand) back\b|\b(?:send|sending|ship|mail|post|take|bring) back\b
""")

EXCHANGE = read_phrases(r"""
1    (?<!in )\bexchang\w+(?! (?:rate|student))
1    \bswap\w*<g>(?:for|size|color|it|this|them|out|different|another|these)\b|
     \btrade (?:it|this|them|these|my)<g>for\b
1    \b(?:need|want|get|send|prefer|like|replace|switch|have|change|order|try)\w*<g>(?:different|another|bigger|
     smaller|larger|next|longer|shorter|wider|other)<s>(?:size|color|one|pair|style|width|fit|model|length|
     version)s?\b(?! (?:do|does|is|are))
1    \b(?:need|want|send|get|like|request|can|could|ask|offer|deserve|have|please|require|due|expect|
     provide)\w*<g>(?:replacement|replace)\b(?! (?:parts?|filters?|batter))|\breplacement (?:sent|please|item|unit|
     product|one)\b
1    \btoo (?:small|big|large|tight|loose|short|long|narrow|wide)\b<x>\b(?:size|bigger|smaller|larger|instead|
     medium|large|small|xl)\b
1    \b(?:go|going|size|move|need) (?:up|down) (?:a|one|half a|1) size\b|\b(?:a|one|half a) size (?:up|down)\b|
     \bsize (?:up|down)\b<x>\b(?:instead|please|for|need|want)\b
1    \b(?:ordered|bought|picked|chose|selected)<s>(?:the )?wrong (?:size|color)\b|\bwrong (?:size|color) ordered\b|
     \b(?:ordered|bought|got|have)<g>(?:but|and|,)<s>need(?:ed)?<s>(?:an? |size )*(?:\d+|xs|s|m|l|xl|small|medium|
     large)\b
0.4  \btoo (?:small|big|large|tight|loose)\b|\b(?:doesn't|didn't|don't) fit\b
1    \b(?:swap|switch|trade)<s>(?:sizes?|colors?|styles?|models?)\b
""")

REFUND = read_phrases(r"""
1    \brefund(?:s|ed|ing)?\b|\breimburs\w*
1    \bmoney<s>(?:back|returned|refunded)\b|\b(?:want|return|need|give me|get|owe me|have|demand)<s>my (?:money|
     cash|funds|\$\d+)\b|\bcredit(?:ed)? (?:me )?back\b|\bcompensat\w+|\bpay me back\b|
     \bget (?:my )?(?:\$|£|€)\d+ back\b|\bcredit to my (?:card|account|bank)\b
1    \bmoney\b<x>\breturned (?:the|my|it|them|everything)\b|\breturned (?:the|my|it|them|everything)\b<x>\b(?:money|
     credited|credit)\b
""")
